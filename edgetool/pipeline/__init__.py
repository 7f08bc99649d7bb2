"""The pipeline shared by all commands: prepare the cases of a plan, measure them and store their records."""
