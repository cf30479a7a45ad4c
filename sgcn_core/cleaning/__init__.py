"""From a surface as it comes to the outer skin, with outward normals."""
