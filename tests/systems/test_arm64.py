"""The Pi's processor, emulated: the shipped models say there what they say here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from operator import ne
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.config.paths import model_path
from edge.diary import layout, reader, schema
from edge.packaged import FACES, SHIPPED
from edge.records import ByteArray
from tests.conftest import ROOT, command, environment
from tests.support.service import CLIP
from tests.systems.conftest import LONG, Figure, root_or_skip
from tests.systems.machine import Machine

COUNT = 2000 if LONG else 200
EVERY = 4 if LONG else 12
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_MAGIC = (
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{}:F"
)


def emulate() -> None:
    """Makes the kernel run programs for arm64; skips where it cannot."""
    program = shutil.which("qemu-aarch64-static")
    if program is None:
        pytest.skip("no qemu-aarch64-static on this machine: apt install qemu-user-static")
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], check=False)
    if not (_BINFMT / "qemu-aarch64").exists():
        try:
            (_BINFMT / "register").write_text(_MAGIC.format(program))
        except OSError as error:
            pytest.skip(f"this kernel runs no programs of other processors: {error}")


class Board(NamedTuple):
    """A Pi's processor: its name for the emulator and what the kernel says of it."""

    cpu: str
    part: str
    features: str


BOARDS = {
    "pi4": Board("cortex-a72", "0xd08", "fp asimd evtstrm crc32 cpuid"),
    "pi5": Board(
        "cortex-a76",
        "0xd0b",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc"
        " dcpop asimddp",
    ),
}
EACH = [("bookworm", "pi4"), ("trixie", "pi5")]
EACH += [("bookworm", "pi5"), ("trixie", "pi4")] if LONG else []
_CPUINFO = """processor\t: {at}
Features\t: {board.features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {board.part}
CPU revision\t: 1

"""


@pytest.fixture(params=EACH, ids="-".join)
def arm64(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A root file system for arm64 to change at will, unmounted at the end."""
    release, board = request.param
    base = root_or_skip(f"{release}-arm64")
    emulate()
    system = Machine(base, tmp_path / "arm64")
    for name, minor in (("null", 3), ("urandom", 9)):
        node = system.root / "dev" / name
        if not node.exists():
            os.mknod(node, 0o20666, os.makedev(1, minor))
    shutil.copytree(ROOT / "edge", system.root / "srv" / "edge")
    describe(system.root, BOARDS[board])
    yield system.root
    system.close()


def describe(root: Path, board: Board) -> None:
    """What LiteRT asks the kernel for, and without which it takes other, slower kernels."""
    (root / "proc").mkdir(exist_ok=True)
    cpus = root / "sys" / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True)
    for name in ("present", "possible"):
        (cpus / name).write_text("0-3\n")
    text = "".join(_CPUINFO.format(at=at, board=board) for at in range(4))
    (root / "srv" / "cpuinfo").write_text(text)
    (root / "srv" / "cpu").write_text(board.cpu)


def python(root: Path, *words: object, **environ: str) -> str:
    """What its python3 prints."""
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", _WITH_PROC, "-", root, *map(str, words)],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": "/opt/site:/srv",
            "QEMU_CPU": (root / "srv" / "cpu").read_text(),
            **environ,
        },
        cwd="/",
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_WITH_PROC = """
mount -t proc proc "$1/proc" && mount --bind "$1/srv/cpuinfo" "$1/proc/cpuinfo"
root=$1; shift; exec chroot "$root" /usr/bin/python3 "$@"
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_the_model_says_the_same_on_arm64(arm64: Path, name: str, figure: Figure) -> None:
    model = model_path(name)
    bare = arm64 / "srv" / "scores.tflite"
    without_softmax(model, bare)
    shutil.copy(Path(__file__).with_name("outputs.py"), arm64 / "srv")
    scores, arm_scores = both(arm64, bare)
    p, arm_p = both(arm64, arm64 / "srv" / "edge" / "models" / model.name)
    apart = np.abs(p.astype(int) - arm_p)
    figure(
        f"{len(scores)} faces: {np.count_nonzero(scores != arm_scores)} scores of {scores.size}"
        f" differ; of {p.size} probabilities {np.count_nonzero(apart)} differ, by {apart.max()}/256"
    )
    assert len(scores) == COUNT
    assert len(np.unique(scores, axis=0)) > COUNT / 2, "the faces must not all look alike to it"
    np.testing.assert_array_equal(arm_scores, scores)
    # The softmax alone reckons in floating point, with the system's exponential: what lies between
    # two steps may become the one or the other.
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= p.size // 100


def test_the_face_network_says_the_same_on_arm64(arm64: Path, figure: Figure) -> None:
    shutil.copy(Path(__file__).with_name("outputs.py"), arm64 / "srv")
    here, there = both(arm64, arm64 / "srv" / "edge" / "models" / FACES.name)
    figure(f"{len(here)} pictures: {np.count_nonzero(here != there)} bytes of {here.size} differ")
    assert len(here) == COUNT
    assert len(np.unique(here, axis=0)) > COUNT / 2, "the pictures must not all look alike to it"
    np.testing.assert_array_equal(there, here)


def both(root: Path, model: Path) -> tuple[ByteArray, ByteArray]:
    """What `model`, a file below `root`, says here and there: `(faces, labels)`, bytes."""
    script = Path(__file__).with_name("outputs.py")
    run = [sys.executable, str(script), str(model), str(COUNT)]
    here = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    there = python(root, "/srv/outputs.py", f"/{model.relative_to(root)}", COUNT)
    first, second = (
        np.array([list(bytes.fromhex(line)) for line in text.split()], np.uint8)
        for text in (here, there)
    )
    return first, second


def without_softmax(model: Path, path: Path) -> None:
    """Writes the model up to the scores that its softmax makes probabilities of."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    whole = schema.ModelT.InitFromPackedBuf(bytearray(model.read_bytes()), 0)
    graph = whole.subgraphs[0]
    kinds = [whole.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    end = kinds.index(schema.BuiltinOperator.SOFTMAX)
    graph.outputs = graph.operators[end].inputs
    graph.operators = graph.operators[:end]
    whole.signatureDefs = whole.metadata = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def test_a_short_clip_from_end_to_end_on_arm64(arm64: Path, tmp_path: Path, figure: Figure) -> None:
    frames = arm64 / "srv" / "frames"
    frames.mkdir()
    shown = save_frames(frames)
    (arm64 / "srv" / "c.toml").write_text("[mood]\nreading_interval_s = 0\n")
    python(arm64, "-m", "edge", "run", "--config", "/srv/c.toml", "--source", "/srv/frames",
           LOGS_DIRECTORY="/srv/log", STATE_DIRECTORY="/srv/state")  # fmt: skip
    run = command("run", "--config", arm64 / "srv" / "c.toml", "--source", frames)
    subprocess.run(run, env=environment(tmp_path), check=True)
    there = readings(arm64 / "srv" / "log" / layout.NAME)
    here = readings(tmp_path / "log" / layout.NAME)
    apart = np.abs(chances(there) - chances(here)).max()
    figure(
        f"{shown} frames, {len(here)} rows: {sum(map(ne, map(place, there), map(place, here)))}"
        f" boxes differ; probabilities by {apart:.4f} at most"
    )
    assert len(here) > shown / 2
    assert [place(row) for row in there] == [place(row) for row in here]
    assert apart <= 2 / 256  # see above; a sum that differs moves the others too


def place(row: schema.Row) -> tuple[str, ...]:
    """All of a row that no probability decides: time, face, box, note."""
    return (*row.values[:2], *row.values[-5:])


def readings(path: Path) -> list[schema.Row]:
    """The rows of a diary that are about a face."""
    return [row for row in reader.rows(path) if row.face is not None]


def chances(rows: list[schema.Row]) -> npt.NDArray[np.float64]:
    return np.array([row.values[4:-5] for row in rows], np.float64)


def save_frames(folder: Path) -> int:
    """Every `EVERY`th picture of the demo's clip; how many."""
    capture, at, kept = cv2.VideoCapture(str(CLIP)), 0, 0
    while True:
        ok, picture = capture.read()
        if not ok:
            return kept
        if at % EVERY == 0:
            cv2.imwrite(str(folder / f"{at:04d}.png"), picture)
            kept += 1
        at += 1
