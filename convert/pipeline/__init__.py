"""The tasks of the commands, from file to file, in the process with TensorFlow.

Read first: `worker` (receives a request, dispatches it), `convert` (the steps of fer-convert),
`verify` (the finished file against float, through the Pi's own classifier).
"""
