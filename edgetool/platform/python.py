"""How a module of Python is run as a program."""

import sys

PYTHON = (sys.executable, "-P")  # before "-m": nothing of the current folder is imported
