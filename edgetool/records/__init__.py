"""Records of measurements: how they are made, stored, read and compared."""
