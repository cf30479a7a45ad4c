"""Training of a user's own landmarks: a head on the shipped network, from a few annotated scans."""
