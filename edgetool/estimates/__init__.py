"""What counted instructions would cost named cores: intervals of cycles, never measured times."""
