"""The tables of reports and commands, a module each."""
