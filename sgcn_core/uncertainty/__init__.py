"""How far each landmark can be trusted: features, error model, calibration, status."""
