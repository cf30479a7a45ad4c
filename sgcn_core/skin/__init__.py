"""From a CT, MR or label volume to the surface of the skin."""
