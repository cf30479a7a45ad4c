"""Labelled faces to train and to test on."""
