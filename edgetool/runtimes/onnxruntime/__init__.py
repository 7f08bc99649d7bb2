"""ONNX Runtime: where its libraries come from, and its self-test."""
