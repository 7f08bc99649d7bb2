"""The command line that runs a Python module as a program."""

import sys

PYTHON = (sys.executable, "-P")  # used before "-m"; -P imports nothing from the current folder
