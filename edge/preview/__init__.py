"""`fer-edge preview`: the live picture with what is read from it, for setting up a camera.

Read first: `run` (the service's own loop, without its diary), then `scene` (what is seen now),
`advice` (what is wrong with the picture), `overlay` (drawn into it) and `server` (in a browser),
which lets in whom `access` allows. Nothing is stored, except a picture that was asked for.
"""
