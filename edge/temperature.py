"""How warm the processor is, and whether the board slows itself down."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_ZONE = "class/thermal/thermal_zone0/temp"
#: The Pi's firmware driver; a Pi 5 has the address of its `soc` in both names.
_FLAGS = "devices/platform/soc*/soc*firmware/get_throttled"
#: Right now: under-voltage, frequency capped, throttled, soft temperature limit. The same bits 16
#: higher tell of the past. (Raspberry Pi documentation, `vcgencmd get_throttled`.)
_NOW = 0b1111
#: Where a Pi begins to throttle.
HOT_C = 80.0


class Heat(NamedTuple):
    """None where this machine does not tell."""

    celsius: float | None
    throttled: bool | None

    @property
    def hot(self) -> bool:
        """Whether the board is slowed down, or about to be."""
        return bool(self.throttled) or (self.celsius is not None and self.celsius >= HOT_C)


def read(root: Path = Path("/sys")) -> Heat:
    """What the kernel's `sysfs` at `root` says now."""
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
    except (OSError, ValueError):  # a sensor may be there and still refuse
        return None
