"""The network of 2S-SGCN: layers, heatmap (Eq. 1), loss (Eq. 3) and checkpoint."""
