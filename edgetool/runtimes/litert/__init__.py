"""TensorFlow Lite, now called LiteRT."""
