"""Geometry that every stage uses: similarities, closest points, triangles."""
