"""Landmarks of a user's own beside those of the network: transferred by them, and found by a head of their own."""
