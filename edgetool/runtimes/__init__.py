"""ONNX Runtime libraries for a triple: where they come from and whether they compute right."""
