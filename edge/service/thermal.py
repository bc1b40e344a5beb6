"""The processor's temperature, and whether the board throttles itself."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_ZONE = "class/thermal/thermal_zone0/temp"
#: The Pi's firmware driver; on a Pi 5 both names hold the address of its `soc`.
_FLAGS = "devices/platform/soc*/soc*firmware/get_throttled"
#: Under-voltage, frequency capped, throttled, soft temperature limit: now. Shifted by 16, the same
#: bits say whether it ever happened. (Raspberry Pi documentation, `vcgencmd get_throttled`.)
_NOW = 0b1111
#: The temperature at which a Pi begins to throttle.
HOT_C = 80.0


class Heat(NamedTuple):
    """The board's temperature and whether it throttles; None where it cannot be read."""

    celsius: float | None
    throttled: bool | None

    @property
    def hot(self) -> bool:
        """Whether the board throttles, or is about to."""
        return bool(self.throttled) or (self.celsius is not None and self.celsius >= HOT_C)


def read(root: Path = Path("/sys")) -> Heat:
    """Read the kernel's `sysfs` at `root`."""
    thousandths = _number(root / _ZONE, 10)
    flags = [_number(path, 16) for path in sorted(root.glob(_FLAGS))]
    known = [flag for flag in flags if flag is not None]
    return Heat(
        celsius=None if thousandths is None else thousandths / 1000,
        throttled=any(flag & _NOW for flag in known) if known else None,
    )


def _number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"), base)
    except (OSError, ValueError):  # a sensor may exist and still refuse
        return None
