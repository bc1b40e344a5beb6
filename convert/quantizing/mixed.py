"""Keep in float the layers that int8 hurts most.

Where a layer's error appears, what it takes may have lost the values that matter, though not the
large ones that dominate its error; or what it makes has lost them for those that use it. So the
operators that make what a layer takes stay in float with it, or those that use what it makes:
both are tried. Around them the file converts between float and int8. Both runtimes load that, and
both have fast float kernels. With 16-bit activations instead, which neither has fast kernels for,
the Pi would be slower still.

On MobileNetV3Small with random weights (48x48, BatchNormalization set from faces, 48 % of the faces
decided) int8 agreed on 86.8 % of those where float was decided; with up to half of the operators in
float on 92.6 % where all were chosen by the errors of the first file, on 95.5 % where these were
measured again after each step, on 96.3 and 96.7 % with only those before a layer, or after it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import count

from convert.loading.float_model import FloatModel
from convert.normalisation import Normalisation
from convert.quantizing import quantize
from convert.quantizing.calibrate import (
    AGREEMENT_MARGIN,
    Attempt,
    attempt_errors,
    rounded,
    selection,
)
from convert.quantizing.layer_errors import LayerError
from convert.quantizing.tflite_file import unpacked
from convert.request import Progress, Request

#: With more than this share of the operators in float, the file would not be worth its name.
MAX_SHARE = 0.5


def attempt(
    best: Attempt, model: FloatModel, scaling: Normalisation, request: Request, progress: Progress
) -> Attempt | None:
    """Return `best` with as few layers in float as let it agree.

    None if even `MAX_SHARE` of the operators in float are not enough.
    """
    chosen = selection(model, scaling)
    goal = request.min_agreement + AGREEMENT_MARGIN
    enough: list[tuple[set[str], bytes, float]] = []
    tried = count()
    for joined in _joined(best.exact):
        for names, content in _mixtures(best, model, joined):
            progress("mixing", done := next(tried), done + 1)
            share = chosen.compare(content).counted(request.min_agreement)
            if share >= request.min_agreement:
                enough.append((names, content, share))
            if share >= goal:
                break
    if not enough:
        return None
    names, content, _ = max(enough, key=lambda each: (min(each[2], goal), -len(each[0])))
    name = f"{best.calibration}, {len(names)} operators in float"
    # Deep networks can lose by it what they gained.
    both = (rounded(content, best.exact, best.pixels), content)
    made = [Attempt(each, best.exact, name, best.pixels, chosen.compare(each)) for each in both]
    return max(made, key=lambda each: each.comparison.counted(request.min_agreement))


def _mixtures(
    best: Attempt, model: FloatModel, joined: Mapping[str, set[str]]
) -> Iterator[tuple[set[str], bytes]]:
    """Yield growing sets of operators, and the file with these in float.

    A set has the names of its operators' outputs.
    Errors add up along a network: what hurts next shows once the worst is in float.
    """
    names: set[str] = set()
    content = best.content
    for power in count():
        errors = attempt_errors(dataclasses.replace(best, content=content), model)
        grown = _grown(names, errors, joined, 2**power)
        if grown == names:
            return
        names = grown
        try:
            content = quantize.int8(best.exact, names)
        except quantize.NoInt8Form:  # the float form is newer than the oldest runtime
            continue
        yield names, content


def _grown(
    names: set[str], errors: list[LayerError], joined: Mapping[str, set[str]], layers: int
) -> set[str]:
    """Return `names` with those joined with the `layers` worst that are not in it."""
    for layer in sorted(errors, key=lambda layer: -layer.added):
        more = names | joined.get(layer.tensor, set())
        if not layers or len(more) > MAX_SHARE * len(joined):
            break
        layers -= more != names
        names = more
    return names


def _joined(content: bytes) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return each operator with those that feed it, and with those that use it.

    `content` is a float `.tflite`; operators go by their outputs' names.
    """
    graph = unpacked(content).subgraphs[0]

    def name(index: int) -> str:
        return str(graph.tensors[index].name.decode())

    made = {name(each.outputs[0]): each for each in graph.operators}
    before = {maker: {maker} for maker in made}
    after = {maker: {maker} for maker in made}
    for maker, operator in made.items():
        for source in (name(index) for index in operator.inputs if index >= 0):
            if source in made:
                before[maker].add(source)
                after[source].add(maker)
    return before, after
