"""What is trained on and chosen by: every kind of source, and every way it can be broken."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from convert.faces.synthetic_faces import faces
from convert.labels import fer_order
from convert.training.dataset import Dataset, load
from edge.classifier import prepare
from edge.errors import Problem, RefusedFile, UsageError

FER = fer_order()
CK = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral", "contempt")
FERPLUS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
#: Which of FERPLUS's columns stands for each class of FER2013.
COLUMNS = [FERPLUS.split(",").index(name) for name in (*CK[:3], "happiness", *CK[4:7])]
Rows = list[tuple[int, npt.NDArray[np.uint8], str]]


def rows(train: int = 21, public: int = 14, private: int = 7, seed: int = 1) -> Rows:
    """Rows as in FER2013's csv: number of the class, picture, Usage."""
    pictures, classes = faces(train + public + private, seed)
    usages = ["Training"] * train + ["PublicTest"] * public + ["PrivateTest"] * private
    return list(zip(map(int, classes), pictures, usages, strict=True))


def write_csv(path: Path, content: Rows, header: str = "emotion,pixels,Usage") -> Path:
    """As Kaggle's fer2013.csv, or with the columns in the order of `header`."""
    columns = [name.strip().lower() for name in header.split(",")]
    with path.open("w", encoding="utf-8") as file:
        file.write(header + "\n")
        for label, picture, usage in content:
            pixels = " ".join(map(str, picture.ravel()))
            cells = {"emotion": str(label), "pixels": pixels, "usage": usage}
            file.write(",".join(cells[name] for name in columns) + "\n")
    return path


def write_votes(path: Path, content: Rows, votes: npt.NDArray[Any]) -> Path:
    """As FER+'s fer2013new.csv."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Usage", "Image name", *FERPLUS.split(",")])
        for number, ((_, _, usage), counts) in enumerate(zip(content, votes, strict=True)):
            table.writerow([usage, f"fer{number:07d}.png", *counts])
    return path


def votes_like(content: Rows) -> npt.NDArray[np.int64]:
    """Eight of ten for the csv's own label, one unknown, one for contempt."""
    votes = np.zeros((len(content), 10), np.int64)
    votes[range(len(content)), [COLUMNS[label] for label, _, _ in content]] = 8
    votes[:, 7:9] = 1
    return votes


def write_folder(path: Path, pictures: Sequence[Any], names: Sequence[str]) -> Path:
    """Class folders with PNGs, numbered."""
    for number, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        (path / name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path / name / f"{number}.png"), picture)
    return path


def parted(path: Path, **counts: int) -> Path:
    """Folders of class folders: `parted(path, train=21, test=7)`."""
    for seed, (part, count) in enumerate(counts.items()):
        pictures, classes = faces(count, 40 + seed)
        write_folder(path / part, pictures, [FER[index].capitalize() for index in classes])
    return path


def as_set(pictures: npt.NDArray[np.uint8]) -> set[bytes]:
    return {picture.tobytes() for picture in pictures}


def noted(dataset: Dataset, words: str) -> str:
    """The one note that has `words` in it."""
    (found,) = [note for note in dataset.notes if words in note]
    return found


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_csv_of_fer2013(header: str, tmp_path: Path) -> None:
    content = rows()
    found = load([write_csv(tmp_path / "fer2013.csv", content, header)], 48)
    assert found.classes == FER
    for split, usage in ((found.train, "Training"), (found.validation, "PublicTest")):
        here = [(label, picture) for label, picture, its in content if its == usage]
        np.testing.assert_array_equal(split.pixels, [picture for _, picture in here])
        np.testing.assert_array_equal(split.labels, [label for label, _ in here])
        assert (split.pixels.dtype, split.labels.dtype) == (np.uint8, np.int64)
        assert split.votes.shape == (len(here), 7)
        assert split.votes.dtype == np.float32
        assert not split.votes.any()
    assert "to train on 21, to validate on 14" in noted(found, "own validation part")
    assert noted(found, "to train on: 21").endswith("(" + ", ".join(f"{n} 3" for n in FER) + ")")


@pytest.mark.parametrize("first", ["csv", "votes"])
def test_votes_of_ferplus(first: str, tmp_path: Path) -> None:
    content = rows()
    votes = votes_like(content)
    votes[3] = [4, 0, 0, 0, 0, 0, 0, 0, 0, 6]  # most say: no face
    votes[4] = [5, 0, 0, 0, 0, 0, 0, 0, 0, 5]
    paths = [
        write_csv(tmp_path / "fer2013.csv", content),
        write_votes(tmp_path / "fer2013new.csv", content, votes),
    ]
    found = load(paths if first == "csv" else paths[::-1], 48)
    expected = np.delete(votes[:21], 3, axis=0)[:, COLUMNS]
    np.testing.assert_array_equal(found.train.votes, expected)
    np.testing.assert_array_equal(found.validation.votes, votes[21:35][:, COLUMNS])
    assert noted(found, "no face").endswith(": 1")
    assert "94%" in noted(found, "agree")
    assert "?" not in noted(found, "agree")


def test_votes_of_other_pictures_are_doubted(tmp_path: Path) -> None:
    content = rows()
    table = write_csv(tmp_path / "fer2013.csv", content)
    votes = write_votes(tmp_path / "new.csv", content, np.roll(votes_like(content), 1, axis=0))
    assert noted(load([table, votes], 48), "agree").endswith(
        "are the votes those of these pictures?"
    )


def test_class_folders_with_parts(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, validation=14, test=7)
    found = load([path], 48)
    assert found.classes == FER
    assert as_set(found.train.pixels) == as_set(faces(28, 40)[0])
    assert as_set(found.validation.pixels) == as_set(faces(14, 41)[0])
    # The same as archives unpack them, and part by part.
    assert as_set(load([tmp_path], 48).train.pixels) == as_set(found.train.pixels)
    apart = load([path / "train", path / "validation"], 48)
    assert as_set(apart.train.pixels) == as_set(found.train.pixels)
    assert as_set(apart.validation.pixels) == as_set(found.validation.pixels)


@pytest.mark.parametrize("layout", ["plain", "train and test", "npz"])
def test_validation_by_hash(layout: str, tmp_path: Path) -> None:
    pictures, classes = faces(420, 40)
    names = [FER[index] for index in classes]
    if layout == "npz":
        path = tmp_path / "faces.npz"
        np.savez(path, x=pictures, y=classes)
    elif layout == "plain":
        path = write_folder(tmp_path / "faces", pictures, names)
    else:
        path = parted(tmp_path / "faces", train=420, test=14)
    found = load([path], 48)
    train, validation = as_set(found.train.pixels), as_set(found.validation.pixels)
    assert train | validation == as_set(pictures)  # so none of test
    assert not train & validation
    assert 0.06 < len(validation) / 420 < 0.14
    assert noted(found, "by a hash of the pixels")
    # Neither the order of the rows nor their number matters to a picture.
    np.savez(tmp_path / "half.npz", x=pictures[::-2], y=classes[::-2])
    half = load([tmp_path / "half.npz"], 48)
    assert as_set(half.validation.pixels) == validation & as_set(pictures[::-2])


def test_a_small_class_gets_a_validation_picture(tmp_path: Path) -> None:
    pictures, classes = faces(14, 3)
    np.savez(tmp_path / "few.npz", x=pictures, y=classes)
    found = load([tmp_path / "few.npz"], 48)
    assert set(found.validation.labels) == set(found.train.labels) == set(range(7))


@pytest.mark.parametrize("contempt", [False, True])
def test_ckplus_by_subject(contempt: bool, shared: Path) -> None:
    path = shared / "data/ckplus48.npz"
    found = load([path], 48, contempt)
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise")
    assert found.classes == ((*names, "contempt") if contempt else names)
    with np.load(path) as content:
        subjects: dict[bytes, set[str]] = {}
        for picture, name in zip(content["x"], content["name"], strict=True):
            subjects.setdefault(picture.tobytes(), set()).add(str(name)[:4])
        total = int((content["y"] < 7).sum()) + contempt * int((content["y"] == 7).sum())
    sides = [
        set().union(*(subjects[pixels] for pixels in as_set(split.pixels)))
        for split in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == (118 if contempt else 106)
    assert len(found.train.labels) + len(found.validation.labels) == total
    assert 0.07 < len(found.validation.labels) / total < 0.2
    assert f"{len(sides[0])} and {len(sides[1])} people" in noted(found, "hash of the subject")
    assert bool([note for note in found.notes if "dropped, contempt: 54" in note]) != (contempt)


def test_a_subject_on_both_sides_of_a_folder(tmp_path: Path) -> None:
    """A split by row position, as Kaggle's copies of CK+ have it, is not believed."""
    pictures, classes = faces(280, 5)
    for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        part = "validation" if number % 5 == 0 else "train"
        folder = tmp_path / "ck" / part / FER[index]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"S{100 + number // 7:03d}_001_{number:08d}.png"  # all seven classes of each subject
        cv2.imwrite(str(folder / name), picture)
    found = load([tmp_path / "ck"], 48)
    whose = {picture.tobytes(): number // 7 for number, picture in enumerate(pictures)}
    sides = [
        {whose[pixels] for pixels in as_set(split.pixels)}
        for split in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(40))
    assert sides[1]
    assert noted(found, "its own parts have people in common")


def people(count: int, each: int, dtype: str = "U") -> dict[str, npt.NDArray[Any]]:
    """An npz's arrays: `count` people, named as in CK+, with `each` pictures."""
    pictures, classes = faces(count * each, 15)
    names = [f"S{100 + number // each:03d}_001_{number:08d}.png" for number in range(count * each)]
    return {"x": pictures, "y": classes, "name": np.array(names, dtype)}


def numbers(found: Dataset, arrays: dict[str, npt.NDArray[Any]], each: int) -> list[set[int]]:
    """Who is to train on, and who to validate on."""
    whose = {picture.tobytes(): at // each for at, picture in enumerate(arrays["x"])}
    return [
        {whose[pixels] for pixels in as_set(split.pixels) if pixels in whose}
        for split in (found.train, found.validation)
    ]


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_people_are_known_by_names_of_text_and_of_bytes(dtype: str, tmp_path: Path) -> None:
    arrays = people(60, 7, dtype) | {"classes": np.array(FER, dtype)}
    np.savez(tmp_path / "ck.npz", **arrays)
    found = load([tmp_path / "ck.npz"], 48)
    learnt, chosen = numbers(found, arrays, 7)
    assert chosen
    assert learnt == set(range(60)) - chosen
    assert noted(found, "hash of the subject")


def test_who_is_in_one_sources_validation_is_in_no_others_training(tmp_path: Path) -> None:
    arrays = people(60, 7)
    np.savez(tmp_path / "ck.npz", **arrays)
    pictures, classes = faces(60 * 7, 16)  # other pictures of the same people, split by person
    for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        part = "validation" if number // 7 % 4 == 0 else "train"
        folder = tmp_path / "own" / part / FER[index]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"S{100 + number // 7:03d}_002_{number:08d}.png"), picture)
    found = load([tmp_path / "own", tmp_path / "ck.npz"], 48)
    learnt, chosen = numbers(found, arrays, 7)
    assert chosen == set(range(0, 60, 4))
    assert learnt == set(range(60)) - chosen
    assert as_set(pictures) <= as_set(found.train.pixels) | as_set(found.validation.pixels)


def test_who_is_on_both_sides_by_the_parts_of_two_sources_is_not_trained_on(
    tmp_path: Path,
) -> None:
    for source, seed in (("a", 17), ("b", 18)):
        pictures, classes = faces(140, seed)
        for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
            last = number // 7 >= 15  # of twenty people, the last five
            part = "validation" if last == (source == "a") else "train"
            folder = tmp_path / source / part / FER[index]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"S{100 + number // 7:03d}_0{seed}_{number:08d}.png"), picture)
    path = tmp_path / "more.npz"
    np.savez(path, x_train=PICTURES, y_train=CLASSES)
    found = load([tmp_path / "a", tmp_path / "b", path], 48)
    assert noted(found, "left out of training, people who are on validation pictures: 140")


def test_a_class_may_have_a_folder_for_each_person(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, validation=14)
    deep = path / "train" / "Happy" / "somebody"
    deep.mkdir()
    for file in list((path / "train" / "Happy").glob("*.png"))[1:]:
        file.rename(deep / file.name)
    assert len(load([path], 48).train.labels) == 28


def test_several_sources(shared: Path, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "fer2013.csv", rows(70, 35))
    alone = load([table], 48)
    both = load([table, shared / "data/ckplus48.npz"], 48)
    assert both.classes == FER
    angry = FER.index("angry")
    more = (both.train.labels == angry).sum() + (both.validation.labels == angry).sum()
    assert (
        more == (alone.train.labels == angry).sum() + (alone.validation.labels == angry).sum() + 135
    )
    eight = load([table, shared / "data/ckplus48.npz"], 48, contempt=True)
    assert eight.classes == (*FER, "contempt")
    assert set(eight.validation.labels) == set(range(8))


def test_copies_are_taken_out_of_training(tmp_path: Path) -> None:
    content = rows(35, 14, 7)
    content += [
        (0, content[36][1], "Training"),  # of a validation picture, with another label
        (1, content[50][1], "Training"),  # of a test picture
        (2, content[0][1], "Training"),  # of a training picture, with another label
        (3, content[3][1], "Training"),  # of a training picture, with the same label
        (6, np.full((48, 48), 7, np.uint8), "Training"),
    ]
    assert content[0][0] != 2
    assert content[3][0] == 3
    found = load([write_csv(tmp_path / "fer2013.csv", content)], 48)
    assert len(found.train.labels) == 35 + 2
    assert len(found.validation.labels) == 14
    assert noted(found, "blank").endswith(": 1")
    assert noted(found, "copies of validation").endswith(": 1")
    assert noted(found, "copies of test").endswith(": 1")
    copies = noted(found, "kept in training")
    assert copies.endswith("copies of each other: 4, of those with different labels: 2")
    assert not as_set(found.train.pixels) & as_set(found.validation.pixels)


def test_copies_are_found_across_sources(tmp_path: Path) -> None:
    content = rows(35, 14, 0)
    table = write_csv(tmp_path / "fer2013.csv", content)
    folder = write_folder(
        tmp_path / "faces",
        [picture for _, picture, _ in content],
        [FER[label] for label, _, _ in content],
    )
    found = load([table, folder], 48)
    assert not as_set(found.train.pixels) & as_set(found.validation.pixels)


def test_pictures_are_resized_as_on_the_device(tmp_path: Path) -> None:
    pictures, classes = faces(70, 8)
    large = [cv2.resize(picture, (97, 101)) for picture in pictures]
    colour = [cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) for picture in large]
    folder = write_folder(tmp_path / "faces", colour, [FER[index] for index in classes])
    for side in (48, 64):
        found = load([folder], side)
        expected = as_set(np.stack([prepare(p, (1, side, side, 1))[0, :, :, 0] for p in large]))
        assert as_set(found.train.pixels) | as_set(found.validation.pixels) == expected


def test_colour_and_a_channel_axis_in_an_npz(tmp_path: Path) -> None:
    pictures, classes = faces(70, 8)
    np.savez(tmp_path / "gray.npz", x=pictures[..., None], y=classes[:, None])
    np.savez(tmp_path / "rgb.npz", x=np.repeat(pictures[..., None], 3, axis=3), y=classes)
    for name in ("gray.npz", "rgb.npz"):
        found = load([tmp_path / name], 48)
        assert as_set(found.train.pixels) | as_set(found.validation.pixels) == as_set(pictures)


def test_all_of_fer2013(shared: Path) -> None:
    found = load([shared / "data/fer2013_train_public.npz"], 48)
    assert found.classes == FER
    assert len(found.validation.labels) == 3589
    assert noted(found, "blank").endswith(": 11")
    assert not as_set(found.train.pixels) & as_set(found.validation.pixels)
    assert (found.train.pixels.max(axis=(1, 2)) > found.train.pixels.min(axis=(1, 2))).all()
    taken = sum(int(note.split()[-1]) for note in found.notes if note.startswith("left out"))
    assert len(found.train.labels) == 28709 - taken
    voted = found.train.votes.sum(axis=1) > 0
    assert 0.6 < (found.train.votes.argmax(axis=1) == found.train.labels)[voted].mean() < 0.7


def test_a_few_damaged_pictures_are_skipped_and_counted(tmp_path: Path) -> None:
    pictures, classes = faces(210, 9)
    path = write_folder(tmp_path / "faces", pictures, [FER[index] for index in classes])
    files = sorted(path.rglob("*.png"))
    files[5].write_bytes(files[5].read_bytes()[:200])
    files[50].write_bytes(b"")
    found = load([path], 48)
    assert len(found.train.labels) + len(found.validation.labels) == 208
    assert files[5].name in noted(found, "skipped, cannot be read: 2,")
    files[100].write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(RefusedFile, match="3 of 210 pictures cannot be read, which is over 1%"):
        load([path], 48)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_jpeg_that_was_cut_short(share: float, tmp_path: Path) -> None:
    pictures, classes = faces(210, 9)
    path = write_folder(tmp_path / "faces", pictures, [FER[index] for index in classes])
    cut = path / FER[0] / "cut.jpg"
    content = cv2.imencode(".jpg", pictures[0])[1].tobytes()
    cut.write_bytes(content)
    whole = load([path], 48)
    cut.write_bytes(content[: int(share * len(content))])
    found = load([path], 48)
    assert "cut.jpg" in noted(found, "skipped, cannot be read: 1,")
    counts = [len(data.train.labels) + len(data.validation.labels) for data in (whole, found)]
    assert counts == [211, 210]


def refused(
    paths: Sequence[Path], kind: type[Problem], *words: str, contempt: bool = False
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
    refused([table, table], UsageError, "twice")


@pytest.mark.parametrize("name", ["fer2013.csv", "faces.npz", "folder"])
def test_missing_data(name: str, tmp_path: Path) -> None:
    words = ["no such file", "challenges-in-representation-learning", "icml_face_data.csv"]
    refused([tmp_path / name], UsageError, name, *words, "microsoft/FERPlus", "give the path")
    refused([], UsageError, "no data")


PICTURES, CLASSES = faces(70, 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": PICTURES / 255, "y": CLASSES}, ["x: wanted uint8", "float64 (70, 48, 48)"]),
        ({"x": PICTURES.reshape(70, -1), "y": CLASSES}, ["x: wanted uint8", "(70, 2304)"]),
        ({"x": PICTURES[:, None], "y": CLASSES}, ["x: wanted uint8", "(70, 1, 48, 48)"]),
        ({"x": PICTURES, "y": CLASSES[:-1]}, ["y: wanted 70", "(69,)"]),
        ({"x": PICTURES, "y": np.eye(7)[CLASSES]}, ["y: wanted 70 whole", "float64 (70, 7)"]),
        ({"x": PICTURES, "y": CLASSES + 1}, ["is 7: unknown label", "0 to 6"]),
        ({"x": PICTURES, "y": CLASSES.astype(np.int64) - 1}, ["is -1: unknown label"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array(FER[:6])}, ["is 6: unknown", "0 to 5"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array([*FER[:6], "neutrl"])}, ["'neutral'?"]),
        ({"x": PICTURES}, ["x[0]", "no label"]),
        ({"pictures": PICTURES}, ["holds pictures", "x_train"]),
        ({"x": PICTURES, "y": CLASSES, "name": np.array(["a.png"])}, ["name: wanted 70"]),
        ({"x": PICTURES, "y": CLASSES, "classes": np.array("x")}, ["classes: wanted a row of n"]),
        ({"x": PICTURES, "y": CLASSES, "ferplus": np.ones((70, 8))}, ["ferplus: wanted (70, 10)"]),
        ({"x": PICTURES, "y": CLASSES, "ferplus": -np.ones((70, 10))}, ["ferplus", "from 0"]),
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
    refused([path], RefusedFile, str(path), "no picture of disgust to validate on")
    shutil.rmtree(path / "train" / "Disgust")
    six = load([path], 48)
    assert six.classes == tuple(name for name in FER if name != "disgust")
    assert noted(six, "no picture of disgust")
    shutil.rmtree(path / "train" / "Fear")
    refused([path], RefusedFile, str(path), "no picture of fear to train on")


def test_classes_beside_a_part_are_in_the_wrong_place(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, validation=14)
    (path / "train" / "Happy").rename(path / "Happy")
    refused([path], RefusedFile, str(path / "Happy"), "beside", "move the classes", "train")


def test_folders_that_are_no_data(tmp_path: Path) -> None:
    empty, flat, one = tmp_path / "empty", tmp_path / "flat", tmp_path / "one"
    empty.mkdir()
    refused([empty], RefusedFile, str(empty), "no picture")
    shutil.copytree(write_folder(tmp_path / "a", PICTURES, ["happy"] * 70) / "happy", flat)
    refused([flat], RefusedFile, "0.png", "no label")
    write_folder(one, PICTURES, ["joy"] * 70)
    refused([one], RefusedFile, str(one), "all pictures are happy", "two classes")
    write_csv(empty / "fer2013.csv", rows())
    refused([empty], RefusedFile, "name that file", str(empty / "fer2013.csv"))
    (tmp_path / "fer2013.tar.gz").write_bytes(b"\x1f\x8b")
    refused([tmp_path / "fer2013.tar.gz"], RefusedFile, "unpack it")
    (tmp_path / "notes.txt").write_text("notes")
    refused([tmp_path / "notes.txt"], RefusedFile, "notes.txt", "wanted a FER2013 .csv")


def test_a_test_part_alone(tmp_path: Path) -> None:
    path = parted(tmp_path / "images", train=28, test=14)
    refused([path / "test"], RefusedFile, str(path / "test"), "kept back")


def test_sources_with_nothing_in_common(tmp_path: Path) -> None:
    names = [FER[index] for index in CLASSES]
    parts = {"gay": ("happy", "surprise"), "sombre": ("angry", "sad")}
    for folder, kept in parts.items():
        rows_of = [row for row, name in enumerate(names) if name in kept]
        write_folder(tmp_path / folder, PICTURES[rows_of], [names[row] for row in rows_of])
    paths = [tmp_path / folder for folder in parts]
    refused(paths, RefusedFile, str(paths[0]), "nothing in common", "angry, sad")


def test_contempt_is_kept_only_if_wanted(tmp_path: Path) -> None:
    content = [(label + 1, picture, usage) for label, picture, usage in rows(70, 35)]
    path = write_csv(tmp_path / "fer2013.csv", content)
    refused([path], RefusedFile, "'7'", "unknown label")
    assert load([path], 48, contempt=True).classes == (*FER[1:], "contempt")
    only = write_folder(tmp_path / "only", PICTURES, ["contempt"] * 70)
    refused([only], RefusedFile, str(only), "contempt, which is dropped")
    wanted = write_csv(tmp_path / "without.csv", rows())
    refused([wanted], UsageError, "contempt", contempt=True)
