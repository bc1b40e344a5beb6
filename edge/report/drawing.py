"""Render Vega-Lite as static SVG or PNG, with vl-convert: no browser, no JavaScript in the result.

vl-convert has no 32-bit build; it and Jinja2 are the extra `report`.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec

from edge.errors import UsageError
from edge.extras import installing
from edge.report.colours import LIGHT, in_light
from edge.report.framing import Spec

#: Pixels of a PNG for each of the picture's.
_SCALE = 2


def available() -> bool:
    """Return whether pictures can be drawn here."""
    return find_spec("vl_convert") is not None


def require(what: str) -> None:
    """Raise `UsageError`, with the fix, if pages and pictures cannot be made here."""
    for module, package in {"vl_convert": "vl-convert-python", "jinja2": "Jinja2"}.items():
        if find_spec(module) is None:
            raise UsageError(
                f"{what} needs {package}, which is not installed and has no 32-bit version;"
                f" {installing('report')}"
            )


def svg(spec: Spec, name: str) -> str:
    """Return the picture as an SVG element for a page with the colours; ids begin with `name`."""
    import vl_convert  # noqa: PLC0415  # an extra, and 80 MB

    drawn: str = vl_convert.vegalite_to_svg(json.dumps(spec))
    drawn = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", drawn)
    return re.sub(r'(id="|url\(#)', rf"\1{name}-", drawn)


def png(spec: Spec) -> bytes:
    """Return the picture in light colours."""
    import vl_convert  # noqa: PLC0415

    light = in_light(json.dumps({**spec, "background": LIGHT["page"], "padding": 12}))
    drawn: bytes = vl_convert.vegalite_to_png(light, scale=_SCALE)
    return drawn
