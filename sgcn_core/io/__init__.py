"""Files: surfaces (`meshes`) and landmarks (`markups`)."""
