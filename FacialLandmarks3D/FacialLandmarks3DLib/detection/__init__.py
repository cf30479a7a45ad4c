"""Placing landmarks on a node, with and without the panel."""
