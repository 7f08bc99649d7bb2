"""From a PyTorch model to ONNX files and the images they are checked on."""
