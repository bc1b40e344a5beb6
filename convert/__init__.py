"""The workstation side: a trained Keras model in, one int8 `.tflite` out."""
