"""At least two dozen models of all kinds from PyTorch to the emulated board, and the page of what came of them."""
