"""Finds out what nobody wrote down: pixel range and order of classes."""
