"""Nodes of the scene: what landmarks are placed on, and the markups node that holds them."""
