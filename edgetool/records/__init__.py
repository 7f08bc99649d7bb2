"""Records: what was measured, of what, and how records are kept, read and compared."""
