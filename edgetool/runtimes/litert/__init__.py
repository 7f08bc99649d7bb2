"""TensorFlow Lite, LiteRT by its newer name."""
