"""Every way in which training data can be broken, refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.faces.synthetic import faces
from convert.training.dataset import load
from edge.errors import FerEdgeError, RefusedFile, UsageError
from tests.support.datasets import (
    FER,
    noted,
    parted,
    rows,
    votes_like,
    write_csv,
    write_folder,
    write_votes,
)


def refused(
    paths: Sequence[Path], kind: type[FerEdgeError], *words: str, contempt: bool = False
) -> None:
    """Asserts one line that has all `words`."""
    with pytest.raises(kind) as caught:
        load(paths, 48, contempt)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message


def broken_line(line: int, change: Callable[[str], str]) -> Callable[[Path], None]:
    """Changes one line of a file, counted from 1."""

    def damage(path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[line - 1] = change(lines[line - 1])
        path.write_text("".join(lines), encoding="utf-8")

    return damage


def cut_to(share: float) -> Callable[[Path], None]:
    """Keeps the beginning of a file."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            broken_line(1, lambda line: line.replace("Usage", "What")),
            ["no column usage", "folders"],
        ),
        (broken_line(1, lambda _: "pixels\n"), ["no column emotion and usage"]),
        (
            broken_line(1, lambda line: line.replace(",", ";")),
            ["no column", "emotion;pixels;usage"],
        ),
        (
            broken_line(18, lambda line: line.replace(" ", " 1 ", 1)),
            ["row 17 (line 18)", "2305 pix"],
        ),
        (
            broken_line(18, lambda line: f"{line[:2]}{' '.join(['3'] * 2209)},Training\n"),
            ["row 17", "2209"],
        ),
        (broken_line(18, lambda line: f"{line[:2]},Training\n"), ["row 17 (line 18)", "0 pixels"]),
        (broken_line(5, lambda line: line.replace(" ", " 256 ", 1)), ["row 4 (line 5)"]),
        (
            broken_line(5, lambda line: f"{line[:2]}{'256 ' * 2304},Training\n"),
            ["row 4", "0 to 255"],
        ),
        (
            broken_line(5, lambda line: f"{line[:2]}{'-1 ' * 2304},Training\n"),
            ["row 4", "0 to 255"],
        ),
        (broken_line(5, lambda line: line.replace(" ", " x", 1)), ["row 4", "whole numbers"]),
        (broken_line(5, lambda line: line.replace(" ", ".5 ", 1)), ["row 4", "whole numbers"]),
        (broken_line(9, lambda line: "7" + line[1:]), ["row 8 (line 9)", "'7'", "6 neutral"]),
        (broken_line(9, lambda line: "-1" + line[1:]), ["row 8", "'-1'", "unknown label"]),
        (broken_line(9, lambda line: "hapy" + line[1:]), ["row 8", "'hapy'", "unknown label"]),
        (broken_line(7, lambda line: line.replace("Training", "Train1")), ["row 6", "'Train1'"]),
        (broken_line(7, lambda line: line.replace("Training", "")), ["row 6", "Usage ''"]),
        (
            broken_line(6, lambda line: line[:500] + "\n" + line[500:]),
            ["row 5", "broken line: 2 fields, not 3"],
        ),
        (broken_line(6, lambda line: line[:2] + '"' + line[2:]), ["row 5 (line 6)"]),
        (cut_to(0.7), ["row", "fer2013.csv"]),
        (lambda path: path.write_bytes(b""), ["no column"]),
        (lambda path: path.write_text("emotion,pixels,Usage\n"), ["no picture"]),
        (lambda path: path.write_bytes(bytes(range(256)) * 40), ["no column"]),
    ],
)
def test_broken_csv(damage: Callable[[Path], None], words: list[str], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer2013.csv", rows())
    load([path], 48)
    damage(path)
    refused([path], RefusedFile, str(path), *words)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            broken_line(4, lambda line: line.replace("Training", "PublicTest")),
            ["fer2013.csv: row 3"],
        ),
        (broken_line(4, lambda line: line.replace(",8,", ",eight,")), ["row 3", "whole numbers"]),
        (broken_line(4, lambda line: line.replace(",8,", ",-8,")), ["row 3", "negative"]),
        (broken_line(4, lambda line: line.replace(",8,", ",")), ["row 3", "broken line"]),
        (broken_line(43, lambda line: line + line), ["row by row", "42 rows, not 43"]),
        (broken_line(42, lambda _: ""), ["row by row", "more rows than 41"]),
        (broken_line(1, lambda line: line.replace("anger", "rage")), ["no column anger"]),
    ],
)
def test_broken_votes(damage: Callable[[Path], None], words: list[str], tmp_path: Path) -> None:
    content = rows()
    table = write_csv(tmp_path / "fer2013.csv", content)
    votes = write_votes(tmp_path / "fer2013new.csv", content, votes_like(content))
    damage(votes)
    refused([table, votes], RefusedFile, "fer2013new.csv", *words)


def test_votes_and_pictures_go_together(tmp_path: Path) -> None:
    content = rows()
    votes = write_votes(tmp_path / "fer2013new.csv", content, votes_like(content))
    again = shutil.copy(votes, tmp_path / "again.csv")
    table = write_csv(tmp_path / "fer2013.csv", content)
    np.savez(tmp_path / "faces.npz", x=faces(14, 1)[0], y=faces(14, 1)[1])
    refused([votes], UsageError, str(votes), "fer2013.csv", "Kaggle")
    refused([votes, tmp_path / "faces.npz"], UsageError, "fer2013.csv")
    refused([table, votes, Path(again)], UsageError, "again.csv", "already")
    refused([table, table], UsageError, "duplicate")


@pytest.mark.parametrize("name", ["fer2013.csv", "faces.npz", "folder"])
def test_missing_data(name: str, tmp_path: Path) -> None:
    words = ["no such file", "challenges-in-representation-learning", "icml_face_data.csv"]
    refused([tmp_path / name], UsageError, name, *words, "microsoft/FERPlus", "give the path")
    refused([], UsageError, "no data")


PICTURES, CLASSES = faces(70, 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": PICTURES / 255, "y": CLASSES}, ["x: expected uint8", "float64 (70, 48, 48)"]),
        ({"x": PICTURES.reshape(70, -1), "y": CLASSES}, ["x: expected uint8", "(70, 2304)"]),
        ({"x": PICTURES[:, None], "y": CLASSES}, ["x: expected uint8", "(70, 1, 48, 48)"]),
        ({"x": PICTURES, "y": CLASSES[:-1]}, ["y: expected 70", "(69,)"]),
        ({"x": PICTURES, "y": np.eye(7)[CLASSES]}, ["y: expected 70 whole", "float64 (70, 7)"]),
        ({"x": PICTURES, "y": CLASSES + 1}, ["is 7: unknown label", "0 to 6"]),
        ({"x": PICTURES, "y": CLASSES.astype(np.int64) - 1}, ["is -1: unknown label"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array(FER[:6])}, ["is 6: unknown", "0 to 5"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array([*FER[:6], "neutrl"])}, ["'neutral'?"]),
        ({"x": PICTURES}, ["x[0]", "no label"]),
        ({"pictures": PICTURES}, ["contains pictures", "x_train"]),
        ({"x": PICTURES, "y": CLASSES, "name": np.array(["a.png"])}, ["name: expected 70"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array("x")}, ["classes: expected an array"]),
        ({"x": PICTURES, "y": CLASSES, "ferplus": np.ones((70, 8))}, ["expected (70, 10)"]),
        ({"x": PICTURES, "y": CLASSES, "ferplus": -np.ones((70, 10))}, ["ferplus", "0 or more"]),
        ({"x": np.array([None, 1]), "y": CLASSES}, ["cannot be read"]),
    ],
)
def test_broken_npz(arrays: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    np.savez(path, **arrays)
    refused([path], RefusedFile, str(path), *words)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_npz_that_was_cut_short(share: float, tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    np.savez_compressed(path, x=PICTURES, y=CLASSES)
    cut_to(share)(path)
    refused([path], RefusedFile, str(path), "cannot be read")


def test_damage_inside_an_npz(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    np.savez_compressed(path, x=PICTURES, y=CLASSES)
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    refused([path], RefusedFile, str(path), "cannot be read")


def test_broken_folders(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, validation=14)
    (path / "train" / "Hapy").mkdir()
    refused([path], RefusedFile, str(path / "train" / "Hapy"), "empty class", "remove the folder")
    shutil.copy(next((path / "train" / "Happy").iterdir()), path / "train" / "Hapy")
    refused([path], RefusedFile, str(path), "train/Hapy", "unknown label 'hapy'", "'happy'?")
    shutil.rmtree(path / "train" / "Hapy")
    shutil.rmtree(path / "validation" / "Disgust")
    refused([path], RefusedFile, str(path), "no validation pictures of disgust")
    shutil.rmtree(path / "train" / "Disgust")
    six = load([path], 48)
    assert six.classes == tuple(name for name in FER if name != "disgust")
    assert noted(six, "no pictures of disgust")
    shutil.rmtree(path / "train" / "Fear")
    refused([path], RefusedFile, str(path), "no training pictures of fear")


def test_classes_beside_a_part_are_in_the_wrong_place(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, validation=14)
    (path / "train" / "Happy").rename(path / "Happy")
    refused([path], RefusedFile, str(path / "Happy"), "beside", "move the training classes")


def test_folders_that_are_no_data(tmp_path: Path) -> None:
    empty, flat, one = tmp_path / "empty", tmp_path / "flat", tmp_path / "one"
    empty.mkdir()
    refused([empty], RefusedFile, str(empty), "no pictures")
    shutil.copytree(write_folder(tmp_path / "a", PICTURES, ["happy"] * 70) / "happy", flat)
    refused([flat], RefusedFile, "0.png", "no label")
    write_folder(one, PICTURES, ["joy"] * 70)
    refused([one], RefusedFile, str(one), "all pictures are happy", "two classes")
    write_csv(empty / "fer2013.csv", rows())
    refused([empty], RefusedFile, "did you mean", str(empty / "fer2013.csv"))
    (tmp_path / "fer2013.tar.gz").write_bytes(b"\x1f\x8b")
    refused([tmp_path / "fer2013.tar.gz"], RefusedFile, "unpack it")
    (tmp_path / "notes.txt").write_text("notes")
    refused([tmp_path / "notes.txt"], RefusedFile, "notes.txt", "expected a FER2013 .csv")


def test_a_test_part_alone(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, test=14)
    refused([path / "test"], RefusedFile, str(path / "test"), "test pictures")


def test_sources_with_nothing_in_common(tmp_path: Path) -> None:
    names = [FER[index] for index in CLASSES]
    parts = {"gay": ("happy", "surprise"), "sombre": ("angry", "sad")}
    for folder, kept in parts.items():
        rows_of = [row for row, name in enumerate(names) if name in kept]
        write_folder(tmp_path / folder, PICTURES[rows_of], [names[row] for row in rows_of])
    paths = [tmp_path / folder for folder in parts]
    refused(paths, RefusedFile, str(paths[0]), "none of its classes", "angry, sad")


def test_contempt_is_kept_only_if_wanted(tmp_path: Path) -> None:
    content = [(label + 1, picture, usage) for label, picture, usage in rows(70, 35)]
    path = write_csv(tmp_path / "fer2013.csv", content)
    refused([path], RefusedFile, "'7'", "unknown label")
    assert load([path], 48, contempt=True).classes == (*FER[1:], "contempt")
    only = write_folder(tmp_path / "only", PICTURES, ["contempt"] * 70)
    refused([only], RefusedFile, str(only), "contempt, which is dropped")
    wanted = write_csv(tmp_path / "without.csv", rows())
    refused([wanted], UsageError, "contempt", contempt=True)
