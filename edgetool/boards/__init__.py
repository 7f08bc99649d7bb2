"""What is known about the machine that a measurement was taken on."""
