"""The commands: fer-convert, fer-evaluate, fer-train, without TensorFlow.

Read first: `convert`. The three share `progress` and `command`.
"""
