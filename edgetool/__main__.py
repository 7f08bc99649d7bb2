"""Entry point of `python -m edgetool`."""

from edgetool.cli import main

if __name__ == "__main__":
    main()
