"""The panel: what the user sees, and what happens on a click."""
