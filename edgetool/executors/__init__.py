"""Places a bundle can run, behind one protocol."""
