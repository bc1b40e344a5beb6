"""Train, score and export the face network that `edge.faces` runs.

Read first: `command` (data to file), `network` (what is trained), `targets` and `loss` (what it
should answer), `compose` (its pictures), `finish` (int8, thresholds, card), `evaluate` (figures).
"""
