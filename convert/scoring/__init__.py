"""Score models on labelled faces.

Read first: `evaluation` (what fer-evaluate reports), `predictions` (where answers come from: a
`.tflite` as on the Pi, a Keras model in the worker), `metrics` (the formulas).
"""
