"""Trains networks on faces, and scores what came of it."""
