"""Input ranges as `--input-range` takes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from convert import normalisation
from edge.errors import RefusedFile, UsageError


@pytest.mark.parametrize(
    ("text", "black", "white"),
    [("0..1", 0, 1), ("-1..1", -1, 1), ("0..255", 0, 255), ("100,50", -2, 3.1)],
)
def test_input_ranges(text: str, black: float, white: float) -> None:
    ends = normalisation.parse(text)(np.array([0, 255], np.float32))
    np.testing.assert_allclose(ends, [black, white], atol=1e-6)
    assert normalisation.parse(text).value == text


def test_input_range_per_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "range.npz"
    np.savez(path, mean=np.full((48, 48), 100.0), std=np.full((48, 48), 50.0))
    pixels = np.full((2, 48, 48, 1), 150, np.float32)
    found = normalisation.parse(str(path))
    np.testing.assert_allclose(found(pixels), 1.0)
    assert found.fits((1, 48, 48, 1))
    assert found.fits((1, 48, 48, 3))
    assert not found.fits((1, 64, 64, 1))
    # A card must not hold a folder of somebody's machine, but tell which file it was.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.value == f"range.npz sha256:{digest} (48x48, mean 100, std 50)"
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(normalisation.parse(found.value)(pixels), 1.0)
    np.savez(path, mean=np.full((48, 48), 90.0), std=np.full((48, 48), 50.0))
    with pytest.raises(UsageError, match="not the file that the card names"):
        normalisation.parse(found.value)
    np.savez(path, mean=np.zeros(3))
    with pytest.raises(RefusedFile, match="arrays mean and std"):
        normalisation.parse(str(path))


@pytest.mark.parametrize("text", ["1..0", "5,0", "nan,1", "a,b", ""])
def test_input_ranges_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="must be one of"):
        normalisation.parse(text)
