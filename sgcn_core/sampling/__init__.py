"""Poisson-disk sampling of a surface."""
