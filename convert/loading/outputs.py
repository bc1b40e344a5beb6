"""Choose one of several outputs, as of networks that also estimate age and gender."""

from __future__ import annotations

from collections.abc import Mapping

from convert.loading.shapes import Shape, shown
from edge.errors import RefusedFile, UsageError


def choose(inputs: int, outputs: Mapping[str, Shape], wanted: str | None) -> str:
    """Return the name of the output to convert: `wanted`, or the only one.

    `inputs` is the number of the network's inputs, `outputs` its outputs' shapes by name. Raises
    `RefusedFile` unless there is one input, `UsageError`, with all names, if the choice is open or
    `wanted` is none of them.
    """
    if inputs != 1 or not outputs:
        raise RefusedFile(
            f"a network with {inputs} inputs and {len(outputs)} outputs;"
            " required: one picture in, one row of classes out"
        )
    names = ", ".join(f"{name} {shown(shape)}" for name, shape in outputs.items())
    if wanted is not None and wanted not in outputs:
        raise UsageError(f"--output {wanted}: the network has no such output; it has: {names}")
    if wanted is None and len(outputs) > 1:
        raise UsageError(f"has {len(outputs)} outputs: {names}; give the emotions': --output NAME")
    return wanted or next(iter(outputs))


def unique(names: list[str]) -> list[str]:
    """Return `names`, repeated ones with a number: a layer may have several outputs."""
    counts = {name: names.count(name) for name in names}
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(f"{name}_{seen[name]}" if counts[name] > 1 else name)
    return made
