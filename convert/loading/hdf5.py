"""Check an HDF5 file in a separate process before Keras reads it in ours.

On a damaged file the HDF5 library can loop forever, or crash the process that uses it.
"""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py

from edge.errors import RefusedFile

#: An intact file takes well under a second of CPU time, but more wall time on a busy machine.
CPU_LIMIT_S, TIMEOUT_S = 5, 60.0


def check(path: Path) -> None:
    """Raise `RefusedFile` if the HDF5 library hangs or crashes on the file.

    `path` is HDF5 or a `.keras`. Errors that the library reports are ignored here: the code that
    needs that part of the file reports them.
    """
    command = [sys.executable, "-m", "convert.loading.hdf5", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise RefusedFile(f"{path}: the file is damaged: reading it never ends") from error
    if done.returncode == -signal.SIGXCPU:
        raise RefusedFile(f"{path}: the file is damaged: reading it never ends")
    if done.returncode < 0:
        crash = signal.Signals(-done.returncode).name
        raise RefusedFile(f"{path}: the file is damaged: reading it crashed with {crash}")


def _read(path: Path) -> None:
    """Open every group and dataset, and read every attribute, within `CPU_LIMIT_S`."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 1))
    source: Path | io.BytesIO = path
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(source, "r") as file:
        _read_attributes("", file)
        file.visititems(_read_attributes)


def _read_attributes(_name: str, found: h5py.HLObject) -> None:
    for key in found.attrs:
        with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
            found.attrs[key]


if __name__ == "__main__":
    _read(Path(sys.argv[1]))
