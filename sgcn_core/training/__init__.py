"""Training of the heatmap network on generated faces; ``python -m sgcn_core.training`` runs it."""
