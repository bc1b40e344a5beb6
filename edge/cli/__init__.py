"""`fer-edge` and its commands.

Read first: `main`, which maps arguments to commands and errors to exit codes.
"""
