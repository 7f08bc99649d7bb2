"""The tables of reports and commands, one module each."""
