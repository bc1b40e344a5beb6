"""The CSV diary on the device: written row by row, rotated, compressed, read back.

Read first: `schema` (what a row is), then `writer` and the `rotating_file` below it, then `reader`.
`layout` names the files; `repair` recovers one that a power cut tore; `retention` compresses and
deletes archives; `span` finds the time range of a file; `follow` yields new rows as they come;
`last_face` keeps face numbers unique across restarts.
"""
