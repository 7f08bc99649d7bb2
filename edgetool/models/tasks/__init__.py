"""What models are for: a module for each task, with how its outputs are judged and what that is called."""
