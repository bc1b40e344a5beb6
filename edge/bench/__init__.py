"""`fer-edge bench`: what the service costs on this machine, and how well it finds faces.

Read first: `run`, which measures; `report` prints it. `loop` times the real loop on `scenes`,
`quality` compares its faces with those of `haar`, and `processes` starts a `child` for memory and
start-up time.
"""
