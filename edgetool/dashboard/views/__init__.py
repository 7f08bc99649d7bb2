"""The views, a module each: `show` draws one from the reports and the cases that the filters admit."""
