"""What is drawn and said about a picture."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig, FacesConfig
from edge.faces.detector import Detector
from edge.notes import Note
from edge.preview.advice import advise
from edge.preview.overlay import draw
from edge.preview.scene import Counted, Scene, Seen
from edge.records import Box, ByteArray
from tests.support.service import CLIP

SHARES = (("happy", 0.84), ("neutral", 0.1), ("sad", 0.06))


def said(*arguments: object) -> list[str]:
    return [advice.wrong for advice in advise(*arguments)]  # type: ignore[arg-type]


def scene(size: tuple[int, int], *faces: Seen, advice: tuple[object, ...] = ()) -> Scene:
    alerts = (Counted("negative", 30, 30, 120.0, True),)
    return Scene(size, 14.8, faces, alerts, advice)  # type: ignore[arg-type]


@pytest.mark.parametrize("note", [note for note in Note if note is not Note.UNDECIDED])
def test_every_note_on_a_picture_has_its_advice(note: Note) -> None:
    gray = np.full((480, 640), 120, np.uint8)
    (advice,) = advise(gray, [(Box(100, 100, 90, 90), (note.value,))], 0.0)
    assert ": " in str(advice)


def test_an_expression_that_is_hard_to_tell_is_no_fault_of_the_picture() -> None:
    gray = np.full((480, 640), 120, np.uint8)
    assert said(gray, [(Box(100, 100, 90, 90), ("small", "undecided"))], 0.0) == said(
        gray, [(Box(100, 100, 90, 90), ("small",))], 0.0
    )


def test_two_faces_with_one_fault_are_one_advice() -> None:
    gray = np.full((480, 640), 120, np.uint8)
    faces = [(Box(x, 100, 90, 90), ("small", "blurred")) for x in (100, 300)]
    assert said(gray, faces, 0.0) == ["face under 48 pixels", "blurred"]


def test_a_face_before_a_window_is_backlit_and_not_called_dark() -> None:
    """A real face, darkened as it is before a bright ground."""
    frame = next(pictures_only(open_frames(CameraConfig(source=str(CLIP)))))
    (face,) = Detector(FacesConfig()).find(frame)
    x, y, width, height = face.box
    gray = np.full_like(frame.gray, 230)
    gray[y : y + height, x : x + width] = frame.gray[y : y + height, x : x + width] // 3
    assert said(gray, [(face.box, ("dark",))], 0.0) == ["backlit"]
    assert said(frame.gray, [(face.box, ())], 0.0) == []


def test_the_faces_of_real_clips_are_not_called_backlit(shared: Path) -> None:
    for name in ("pyfeat_single_face.mp4", "intel_asl_book.mkv"):
        source = CameraConfig(source=str(shared / "videos" / name))
        detector = Detector(FacesConfig())
        frames = islice(pictures_only(open_frames(source)), 30)
        found = [(frame, detector.find(frame)) for frame in frames]
        assert any(faces for _, faces in found)
        for frame, faces in found:
            assert said(frame.gray, [(face.box, ()) for face in faces], 0.0) == []


def test_without_a_face_it_says_why_after_a_while() -> None:
    gray = np.full((480, 640), 120, np.uint8)
    assert said(gray, [], 1.0) == []
    assert said(gray, [], 4.0) == ["no face found"]
    assert said(gray // 4, [], 4.0) == ["too dark"]


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1920, 1080), (480, 640)])
def test_a_box_is_drawn_where_the_face_is_and_text_beside_it(size: tuple[int, int]) -> None:
    width, height = size
    gray = np.full((height, width), 128, np.uint8)
    box = Box(width // 2, height // 4, width // 6, width // 6)
    picture = draw(gray, scene(size, Seen(3, box, "happy", SHARES, ("dark",))))
    assert picture.shape == (height, width, 3)
    assert tuple(picture[box.y + box.height // 2, box.x]) == (0, 220, 255)
    inside = picture[box.y + box.height // 2, box.x + box.width // 2]
    assert tuple(inside) == (128, 128, 128), "the face itself is not covered"
    assert (gray == 128).all(), "the frame is the camera's"


@pytest.mark.parametrize("corner", [(-20, -20), (600, 440), (0, 460), (580, -30)])
def test_a_face_at_the_edge_is_drawn(corner: tuple[int, int]) -> None:
    gray = np.full((480, 640), 128, np.uint8)
    seen = Seen(1, Box(*corner, 80, 80), "happy", SHARES)
    before = draw(gray, scene((640, 480)))
    assert (draw(gray, scene((640, 480), seen)) != before).any()


def test_the_smallest_picture_has_no_room_for_text_and_is_drawn() -> None:
    seen = Seen(1, Box(10, 10, 30, 30), "happy", SHARES, ("small",))
    assert draw(np.full((48, 64), 128, np.uint8), scene((64, 48), seen)).shape == (48, 64, 3)


def test_a_label_that_the_font_lacks_does_no_harm() -> None:
    gray = np.full((480, 640), 128, np.uint8)
    draw(gray, scene((640, 480), Seen(1, Box(9, 9, 80, 80), "freude_ü", (("freude_ü", 1.0),))))


def area(picture: ByteArray, colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(axis=2).sum())


def test_an_alert_that_takes_a_share_shows_it() -> None:
    counted = Counted("negative", 30, 30, 120.0, False, share=0.1, least=0.25)
    assert str(counted) == "negative: 30 of 30 in 120 s, share 0.10 of 0.25"
    assert str(counted._replace(least=0.0)) == "negative: 30 of 30 in 120 s"


def test_a_raised_alert_is_red() -> None:
    gray = np.full((480, 640), 128, np.uint8)
    calm = Scene((640, 480), 1.0, (), (Counted("negative", 3, 30, 120.0, False),), ())
    assert area(draw(gray, scene((640, 480))), (60, 60, 255)) > 0
    assert area(draw(gray, calm), (60, 60, 255)) == 0
