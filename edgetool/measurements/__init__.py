"""What is measured: a module for each kind, its values beside the instrument that takes them."""
