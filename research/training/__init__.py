"""Training of the heatmap network on generated faces; ``python -m research.training`` runs it."""
