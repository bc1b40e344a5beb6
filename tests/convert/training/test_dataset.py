"""What is trained and validated on: every kind of source, merged and cleaned."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.faces.synthetic import faces
from convert.training.dataset import load
from edge.errors import RefusedFile
from edge.expressions.classifier import prepare
from tests.support.datasets import (
    COLUMNS,
    FER,
    as_set,
    noted,
    parted,
    rows,
    votes_like,
    write_csv,
    write_folder,
    write_votes,
)


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_csv_of_fer2013(header: str, tmp_path: Path) -> None:
    content = rows()
    found = load([write_csv(tmp_path / "fer2013.csv", content, header)], 48)
    assert found.classes == FER
    for split, usage in ((found.train, "Training"), (found.validation, "PublicTest")):
        here = [(label, picture) for label, picture, its in content if its == usage]
        np.testing.assert_array_equal(split.pixels, [picture for _, picture in here])
        np.testing.assert_array_equal(split.labels, [label for label, _ in here])
        assert split.pixels.dtype == np.uint8
        assert split.labels.dtype == np.int64
        assert split.votes.shape == (len(here), 7)
        assert split.votes.dtype == np.float32
        assert not split.votes.any()
    assert "training 21, validation 14" in noted(found, "own validation split")
    assert noted(found, "training: 21").endswith("(" + ", ".join(f"{n} 3" for n in FER) + ")")


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
    assert noted(found, "not a face").endswith(": 1")
    assert "94%" in noted(found, "majority agrees")
    assert "?" not in noted(found, "majority agrees")


def test_votes_of_other_pictures_are_doubted(tmp_path: Path) -> None:
    content = rows()
    table = write_csv(tmp_path / "fer2013.csv", content)
    votes = write_votes(tmp_path / "new.csv", content, np.roll(votes_like(content), 1, axis=0))
    assert noted(load([table, votes], 48), "agree").endswith(
        "do the votes belong to these pictures?"
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


@pytest.mark.slow
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
    assert files[5].name in noted(found, "skipped, unreadable: 2,")
    files[100].write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(RefusedFile, match="3 of 210 pictures cannot be read, more than 1%"):
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
    assert "cut.jpg" in noted(found, "skipped, unreadable: 1,")
    counts = [len(data.train.labels) + len(data.validation.labels) for data in (whole, found)]
    assert counts == [211, 210]
