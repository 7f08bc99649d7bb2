"""One module per view. Its `show` draws it from the reports and the cases that the filters admit."""
