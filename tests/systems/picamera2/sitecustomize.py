"""What picamera2 misses on a machine without a Pi's kernel; nothing of it is in the product.

Loaded by Python at its start, only in the picamera2 root file system. While /srv/stall is there
the camera gives no pictures, without a word, as a loose cable does.
"""

import ctypes
import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

_PR_SET_MDWE, _REFUSE_EXEC_GAIN = 65, 1
# The kernel's own MemoryDenyWriteExecute, where it has it (6.3): as hard as in the unit.
ctypes.CDLL(None).prctl(_PR_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0)

kms = types.ModuleType("pykms")
vars(kms)["PixelFormat"] = type("PixelFormat", (), {"__getattr__": lambda _, name: name})()
sys.modules["pykms"] = kms


def patch(module: Any) -> None:
    """No dma_heap, no raw modes; and the stall."""
    from picamera2.allocators import LibcameraAllocator

    camera = module.Picamera2
    camera._get_raw_modes = lambda _: [{"format": "NV12", "size": (640, 480)}]
    init, process = camera.__init__, camera.process_requests

    def __init__(self: Any, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        self.allocator = LibcameraAllocator(self.camera)

    def process_requests(self: Any, display: Any) -> Any:
        if Path("/srv/stall").exists():
            self._requests = []
        return process(self, display)

    camera.__init__, camera.process_requests = __init__, process_requests


class Finder(importlib.abc.MetaPathFinder):
    """Patches picamera2 as it is imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "picamera2":
            return None
        spec: Any = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def run_and_patch(module: types.ModuleType) -> None:
            run(module)
            patch(module)

        spec.loader.exec_module = run_and_patch
        return spec


sys.meta_path.insert(0, Finder())
