"""Value classes: surfaces, volumes, landmarks, units, frames. NumPy only."""
