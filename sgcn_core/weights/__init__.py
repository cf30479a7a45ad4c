"""The weights file."""
