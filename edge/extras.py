"""How to add what a plain installation leaves out: to the package, the installer's, a checkout."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

#: What the extras of pyproject.toml bring. There is no package index that has them by name.
REQUIREMENTS = {
    "demo": ("amqtt>=0.11.3",),
    "notify": ("apprise>=1.9",),
    "export": ("pyarrow>=15,<26" if sys.version_info < (3, 12) else "pyarrow>=18",),
    "report": ("jinja2>=3.1", "vl-convert-python>=1.8"),
}
#: Where package and installer put the program; the package has no environment, only libraries.
_PROGRAM = Path("/opt/fer-edge")
_LIBRARY = _PROGRAM / "lib"


def installing(
    extra: str, place: Path = Path(__file__).parent.parent, prefix: str = sys.prefix
) -> str:
    """Return how to install an extra for the program in `place`, run by the Python of `prefix`."""
    words = shlex.join(REQUIREMENTS[extra])
    if place == _LIBRARY:
        pip = f"sudo /usr/bin/python3 -m pip install --target {_LIBRARY}"
        return f"sudo apt install python3-pip && {pip} {words}"
    if Path(prefix) == _PROGRAM:
        return f"sudo {_PROGRAM}/bin/pip install {words}"
    return f"in a checkout of this project: pip install '.[{extra}]'"
