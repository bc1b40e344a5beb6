"""Frame to faces: a small network finds and judges them, a Haar cascade draws their boxes.

Read first: `detector`, the room's one entry. `search` looks for new faces (`scan` does where the
cascade is to search), `judge` says whether there is one at a place, `network` runs the network,
`track` and `template` follow a known face, `motion` knows where the picture changed.
"""
