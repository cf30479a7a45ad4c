"""Uncertainty of each landmark: features, error model, calibration, status."""
