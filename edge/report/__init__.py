"""The diary as people read it: figures, words and pictures. Never imported by the service.

`figures` holds what is shown, `usual` says what is usual here. `charts` describes the pictures
(Vega-Lite, in the frame of `framing`, with the `colours` of both themes), `drawing` renders them,
`words` has the sentences, `page` writes the page. `summary` and `latest` are for the terminal.
"""
