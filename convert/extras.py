"""Optional dependencies, which a plain installation does not include."""

from __future__ import annotations

from importlib.util import find_spec

from edge.errors import UsageError


def require(module: str, extra: str, purpose: str) -> None:
    """Raise `UsageError`, with the fix, if `module` is not installed."""
    if find_spec(module) is None:
        raise UsageError(
            f"{purpose} needs {module}, which is not installed;"
            f" in a checkout of this project: pip install '.[{extra}]'"
        )
