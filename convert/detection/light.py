"""Make pictures look as a cheap camera in a home takes them: dark, backlit, blurred, noisy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from edge.records import ByteArray, FloatArray

Rng = np.random.Generator
_NOISE_SIDE = 512


@dataclass(frozen=True)
class Light:
    """Changes of pixels that leave faces where they are; `noise` is a sheet to cut from."""

    noise: FloatArray

    @classmethod
    def create(cls) -> Light:
        """Draw the sheet of noise, always the same."""
        rng = np.random.default_rng(0)
        return cls(rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE)).astype(np.float32))

    def changed(self, gray: ByteArray, rng: Rng) -> ByteArray:
        """Return `gray` with a random choice of changes."""
        steps: tuple[tuple[float, Callable[[ByteArray, Rng], ByteArray]], ...] = (
            (0.2, _backlit),
            (0.75, _exposed),
            (0.15, _coarse),
            (0.2, _blurred),
            (0.3, self._noisy),
            (0.2, _compressed),
        )
        for chance, change in steps:
            if rng.random() < chance:
                gray = change(gray, rng)
        return gray

    def _noisy(self, gray: ByteArray, rng: Rng) -> ByteArray:
        height, width = gray.shape
        top = int(rng.integers(_NOISE_SIDE - height))
        left = int(rng.integers(_NOISE_SIDE - width))
        sheet = self.noise[top : top + height, left : left + width]
        noisy = gray + sheet * rng.uniform(1.5, 10)
        return np.clip(noisy, 0, 255).astype(np.uint8)


def _exposed(gray: ByteArray, rng: Rng) -> ByteArray:
    """Change contrast, brightness and gamma; one in five is dark."""
    tones = np.linspace(0, 1, 256, dtype=np.float32)
    dark = rng.random() < 0.2
    tones = tones ** (rng.uniform(1.4, 2.6) if dark else np.exp(rng.normal(0, 0.25)))
    tones = (tones - 0.5) * rng.uniform(0.6, 1.25) + 0.5 + rng.uniform(-0.12, 0.12)
    if dark:
        tones *= rng.uniform(0.35, 1)
    return np.asarray(cv2.LUT(gray, np.clip(tones * 255, 0, 255).astype(np.uint8)), np.uint8)


def _backlit(gray: ByteArray, rng: Rng) -> ByteArray:
    """Put light on one side, or a window behind: a slope of brightness."""
    height, width = gray.shape
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.8)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(angle))
    slope = np.clip((x[None] + y[:, None]) * rng.uniform(0.5, 2) + rng.uniform(-0.5, 0.5), -1, 1)
    lit = gray * (1 - depth * (slope + 1) / 2) * rng.uniform(1, 1.4)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _coarse(gray: ByteArray, rng: Rng) -> ByteArray:
    """Shrink and enlarge, as if there were fewer pixels."""
    height, width = gray.shape
    share = rng.uniform(0.4, 0.8)
    small = cv2.resize(gray, (int(width * share), int(height * share)))
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _blurred(gray: ByteArray, rng: Rng) -> ByteArray:
    """Blur, as out of focus or moved while the shutter was open."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(gray, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    end = rng.uniform(0, length, 4).astype(int).tolist()
    cv2.line(kernel, end[:2], end[2:], (1.0,))
    return np.asarray(cv2.filter2D(gray, -1, kernel / max(kernel.sum(), 1)), np.uint8)


def _compressed(gray: ByteArray, rng: Rng) -> ByteArray:
    quality = int(rng.integers(20, 80))
    _, content = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)
