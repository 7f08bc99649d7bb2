"""Estimates of what counted instructions would cost named cores, as intervals of cycles. Never measured times."""
