"""Reads an HDF5 file's structure in a process of its own, before Keras reads the file in ours.

In a damaged file the HDF5 library can go in circles, or end the process that uses it.
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

#: Of the processor a sound file takes well under a second, on the clock of a busy machine more.
CPU_S, PATIENCE_S = 5, 60.0


def check(path: Path) -> None:
    """Pass a file, HDF5 or a `.keras` with one inside, that the HDF5 library survives.

    Raises `RefusedFile` for others. What the library itself complains of passes: whoever needs that
    part of the file will hear it again.
    """
    command = [sys.executable, "-m", "convert.opening.hdf5", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise RefusedFile(f"{path}: the file is damaged: reading it does not end") from error
    if done.returncode == -signal.SIGXCPU:
        raise RefusedFile(f"{path}: the file is damaged: reading it does not end")
    if done.returncode < 0:
        ended = signal.Signals(-done.returncode).name
        raise RefusedFile(f"{path}: the file is damaged: reading it ended in {ended}")


def _read(path: Path) -> None:
    """Open every group and dataset, and read every attribute, within `CPU_S`."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
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
