"""The report in Chromium: on a phone and a desk, in light and dark, by keyboard, by axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.diary.hour import Hour
from edge.expressions.model_card import read_card
from edge.packaged import MODELS
from edge.report import accuracy, page
from edge.report.figures import collect
from tests.conftest import wait_for
from tests.support.browser import barriers, chromium, lightness, shown
from tests.support.hours import LABELS, home

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
pytest.importorskip("vl_convert")

TODAY = date(2026, 11, 25)
WRITTEN = datetime(2026, 11, 25, 0, 10, tzinfo=UTC)
PHONE_PX, DESK_PX = 390, 1280
ONE_ROW = [Hour(WRITTEN, watched_s=900, face_s=1, counts={"happy": 1})]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A month, a diary of one row, an empty one, 400 days."""
    folder = tmp_path_factory.mktemp("pages")
    found = accuracy.of_card(read_card(MODELS / "default.tflite"))
    written = {}
    for name, hours, days in (
        ("month", list(home(100, TODAY)), 30),
        ("one-row", ONE_ROW, 30),
        ("empty", [], 30),
        ("long", list(home(470, TODAY)), 400),
    ):
        figures = collect(hours, TODAY, days=days, device="pi", labels=LABELS, min_minutes=30)
        written[name] = folder / f"{name}.html"
        written[name].write_text(page.page(figures, found, "model default.tflite", WRITTEN))
    return written


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [PHONE_PX, DESK_PX])
@pytest.mark.parametrize("name", ["month", "one-row", "empty", "long"])
def test_it_fits_and_neither_complains_nor_asks(
    browser: Browser, pages: dict[str, Path], name: str, width_px: int, scheme: str
) -> None:
    with shown(browser, pages[name].as_uri(), width_px, scheme) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width_px
        assert seen.console == []
        assert seen.requests == [pages[name].as_uri()]
        ground, ink = (
            seen.page.evaluate(f"getComputedStyle(document.body).{name}")
            for name in ("backgroundColor", "color")
        )
        assert (lightness(ground) > 0.5) is (scheme == "light")
        assert abs(lightness(ground) - lightness(ink)) > 0.7
        visible = seen.page.locator(".picture svg:visible")
        assert visible.count() == (0 if name == "empty" else 4)
        for at in range(visible.count()):
            box = visible.nth(at).bounding_box()
            assert box is not None
            assert 0.75 * min(width_px, 720) <= box["x"] + box["width"] <= width_px


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["month", "empty"])
def test_axe_finds_no_barrier(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    with shown(browser, pages[name].as_uri(), PHONE_PX, scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert barriers(seen.page) == []


def test_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    with shown(browser, pages["month"].as_uri(), PHONE_PX, "light") as seen:
        table = seen.page.get_by_role("region", name="Table of all days")
        assert not table.is_visible()
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.tagName") == "SUMMARY"
        seen.page.keyboard.press("Enter")
        assert table.is_visible()
        seen.page.keyboard.press("Tab")
        label = "document.activeElement.getAttribute('aria-label')"
        assert seen.page.evaluate(label) == "Table of all days"
        seen.page.keyboard.press("ArrowRight")
        # Not `wait_for_function`: what it evaluates while it waits, the page's policy forbids.
        wait_for(lambda: seen.page.evaluate("document.activeElement.scrollLeft") > 0, "scrolling")


def test_printed_it_has_the_table_and_islightness(browser: Browser, pages: dict[str, Path]) -> None:
    with shown(browser, pages["month"].as_uri(), DESK_PX, "dark") as seen:
        seen.page.emulate_media(media="print", color_scheme="dark")
        ground = seen.page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--page')"
        )
        assert ground.strip() == "#ffffff"
        pdf = seen.page.pdf(format="A4")
        assert pdf.startswith(b"%PDF")
