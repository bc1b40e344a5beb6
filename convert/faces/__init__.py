"""Faces: labelled ones from files, and synthetic ones."""
