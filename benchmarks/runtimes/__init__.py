"""Three models in each runtime on the emulated board, by instructions: `make bench-runtimes`."""
