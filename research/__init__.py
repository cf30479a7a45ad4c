"""For developers, not installed: generated faces, training, the paper's experiments, robustness, benchmarks."""
