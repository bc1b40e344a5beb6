"""Open a trained network from any Keras file, without running its code.

Read first: `model_files` (which files belong together), `load`, `float_model` (the result).
`sanitize` decides what may be built; `modernize`, `keras1` and `keras3` translate old descriptions.
"""
