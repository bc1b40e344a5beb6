"""Faces: labelled ones from files, and synthetic ones.

Read first: `reader` (a path in, `Faces` out), then `synthetic`. `fer_csv`, `npz` and
`class_folders` each read one format; `splits` holds what they all yield.
"""
