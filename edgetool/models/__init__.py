"""Turn PyTorch models into ONNX files, and read the images that check them."""
