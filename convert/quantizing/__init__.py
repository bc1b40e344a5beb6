"""Turn a float model into int8, and measure where the two differ.

Read first: `calibrate` (the whole sequence), `quantize` (TensorFlow's converter), then the steps
that it lacks: `equalization`, `ranges`, `gptq`, `bias_correction`. `layer_errors` shows where a
conversion loses accuracy.
"""
