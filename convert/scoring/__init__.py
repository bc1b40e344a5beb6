"""Scores models on labelled faces."""
