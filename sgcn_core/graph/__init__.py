"""The canonical crop, the fine and the coarse graph (paper, section 4.1)."""
