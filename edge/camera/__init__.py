"""Frames from any source: a Pi camera, USB, a stream, a video, a folder of pictures.

Read first: `source`, which picks one of `picamera`, `opencv` and `files`; `picture` is what those
yield. `snapshot` fetches single pictures from a URL; `stall` times a silent camera; `luma` reads
gray pixels with as little work as the format allows.
"""
