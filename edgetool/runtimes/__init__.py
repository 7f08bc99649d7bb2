"""Runtimes for each triple: one folder for each kind, and the code they share."""
