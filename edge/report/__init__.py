"""The diary as people read it: figures, words and pictures. Never imported by the service.

Read first: `figures`, which holds what is shown, then `page`, which puts it on a page. `usual` says
what is usual here; `charts` describes the pictures (Vega-Lite, in the frame of `framing`, with the
`colours` of both themes), `drawing` renders them, `words` has the sentences. `summary` and `latest`
are for the terminal.
"""
