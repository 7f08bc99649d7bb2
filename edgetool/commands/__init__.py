"""The commands: each parses, calls one step, prints."""
