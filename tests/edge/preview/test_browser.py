"""The preview in Chromium: on a phone and a desk, in light and dark, by keyboard, by axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Seen, barriers, chromium, lightness, shown
from tests.support.previews import Preview

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
PHONE_PX, DESK_PX = 390, 1280
#: So that one is raised while the page is looked at.
EASILY_RAISED = """
[mood]
reading_interval_s = 0.0
[[alerts]]
name = "any"
emotions = ["happy", "neutral", "surprise", "angry"]
count = 1
min_confidence = 0.0
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    folder = tmp_path_factory.mktemp("preview")
    (folder / "config.toml").write_text(EASILY_RAISED)
    with Preview(folder, config=folder / "config.toml") as running:
        yield running


def wait_for_all(seen: Seen) -> None:
    """Until the picture is there, and a face with its expressions, and an alert is raised."""
    seen.page.wait_for_selector("#faces meter")
    seen.page.wait_for_selector("#alerts .raised")
    seen.page.wait_for_function("() => document.getElementById('picture').naturalWidth > 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [PHONE_PX, DESK_PX])
def test_it_fits_neither_complains_nor_asks_and_axe_finds_no_barrier(
    browser: Browser, preview: Preview, width_px: int, scheme: str
) -> None:
    with shown(browser, preview.url, width_px, scheme) as seen:
        wait_for_all(seen)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width_px
        ground, ink = (
            seen.page.evaluate(f"getComputedStyle(document.body).{name}")
            for name in ("backgroundColor", "color")
        )
        assert (lightness(ground) > 0.5) is (scheme == "light")
        assert abs(lightness(ground) - lightness(ink)) > 0.7
        assert barriers(seen.page) == []
        assert seen.console == []
        assert all(url.startswith((preview.url, "data:")) for url in seen.requests)


def test_all_of_it_is_reached_by_keyboard(browser: Browser, preview: Preview) -> None:
    with shown(browser, preview.url, PHONE_PX, "light") as seen:
        wait_for_all(seen)
        seen.page.keyboard.press("End")
        bottom = "() => innerHeight + scrollY >= document.documentElement.scrollHeight - 1"
        seen.page.wait_for_function(bottom)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_when_it_has_ended_the_page_says_so_to_everybody(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    with Preview(tmp_path) as running, shown(browser, running.url, PHONE_PX, scheme) as seen:
        seen.page.wait_for_selector("#faces meter")
        assert running.end()[0] == 0
        seen.page.get_by_role("alert").wait_for()
        assert barriers(seen.page) == []
