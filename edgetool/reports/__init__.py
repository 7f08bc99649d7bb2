"""Records as tables, plots and text."""
