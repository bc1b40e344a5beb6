"""Frame to faces: a small network finds and verifies them, a Haar cascade draws their boxes.

Read first: `detector`, the room's one entry. `search` looks for new faces (`scan` does where the
cascade is to search), `verifier` says whether there is one at a place, `network` runs it,
`track` and `template` follow a known face, `motion` knows where the picture changed.
"""
