"""ncnn, cross-built for a triple."""
