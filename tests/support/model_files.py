"""The shipped model taken apart and packed again, and what the service's reader makes of such."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edge.config.paths import model_path
from tests.conftest import ROOT

#: What the kernel may give a reader of hostile files, bytes.
MEMORY = 1 << 31
#: Reads each file of a folder as the service does, and says what came of it.
_READER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from pathlib import Path
import numpy as np
from edge.expressions.classifier import Classifier
from edge.errors import ModelError
for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, end=" ", flush=True)
    try:
        classifier = Classifier(path)
        answer = classifier.classify(np.full((60, 60), 90, np.uint8))
        assert answer.shape == (len(classifier.labels),), answer.shape
        print("loads", flush=True)
    except ModelError as error:
        assert error.code == 78
        text = str(error)
        assert text.startswith(f"{path}: "), text
        assert len(text.splitlines()) == 1, text
        print("refused", flush=True)
"""


def whole() -> tuple[bytes, dict[str, Any]]:
    """The shipped model's FlatBuffer, and its card."""
    content = model_path("default").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
        return content[:start], json.loads(archive.read("card.json"))


def packed(tflite: bytes, card: Any, how: int = zipfile.ZIP_STORED) -> bytes:
    """A model file whose checksum is right, whatever its parts are."""
    if isinstance(card, dict) and "tflite_sha256" in card:
        card = card | {"tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    buffer = io.BytesIO(tflite)
    with zipfile.ZipFile(buffer, "a", how) as archive:
        archive.writestr("labels.txt", "".join(f"{label}\n" for label in "abcdefg"))
        archive.writestr("card.json", card if isinstance(card, bytes) else json.dumps(card))
    return buffer.getvalue()


def read(folder: Path) -> Counter[str]:
    """What became of the files; fails where the reader did anything else, and names the file."""
    told: Counter[str] = Counter()
    while any(folder.iterdir()):
        done = subprocess.run(
            [sys.executable, "-c", _READER, folder, str(MEMORY)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        lines = done.stdout.splitlines()
        for line in lines:
            name, _, outcome = line.partition(" ")
            if outcome not in {"loads", "refused"}:
                outcome = f"died with {done.returncode}: {done.stderr[-500:]}"
                print(f"{name}: {outcome}")
                told[f"died with {done.returncode}"] += 1
            else:
                told[outcome] += 1
            (folder / name).unlink()
        if not lines:
            pytest.fail(f"the reader does not start: {done.stderr[-500:]}")
    return told
