"""The Raspberry Pi side: camera, faces, expressions, diary, alerts."""

__version__ = "0.1.0"
