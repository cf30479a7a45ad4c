"""How the detector holds up: poses, units, parts of faces, negatives, damaged files."""
