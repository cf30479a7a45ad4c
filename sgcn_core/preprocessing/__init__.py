"""From a surface to what the network reads: pose, Poisson-disk samples, graphs, normalised coordinates."""
