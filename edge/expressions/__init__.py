"""Face to reading: one int8 TFLite inference, smoothed over time.

Read first: `classifier` (crop, input, probabilities), then `smoothing`, which turns them into
readings. `model_card` is what a model file says about itself.
"""
