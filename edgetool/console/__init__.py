"""What a person sees while edgetool works."""
