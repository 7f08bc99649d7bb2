"""ncnn, cross-built for each triple."""
