"""Measures what the package promises about speed and memory."""
