"""ONNX Runtime: where its libraries come from and whether they compute right."""
