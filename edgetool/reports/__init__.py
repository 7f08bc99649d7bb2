"""Reports: records as tables, charts and text."""
