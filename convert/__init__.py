"""The workstation side: trained Keras models in, one self-describing int8 `.tflite` out."""
