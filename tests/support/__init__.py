"""What tests share, a module for each topic."""
