"""Opens whatever file a trained network came in."""
