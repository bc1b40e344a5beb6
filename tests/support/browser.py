"""Chromium, what a page does in it, and what axe-core says of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips where there is none, or no Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("axe_playwright_python")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as found:
        opened = found.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Seen:
    """What a page said to the console and asked the network for."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def shown(browser: Browser, url: str, width_px: int, scheme: Any) -> Iterator[Seen]:
    """The page at `url` in a window, light or dark; pictures may still be on their way."""
    context = browser.new_context(
        viewport={"width": width_px, "height": 844}, color_scheme=scheme, bypass_csp=False
    )
    seen = Seen(context.new_page())
    seen.page.on("console", lambda message: seen.console.append(message.text))
    seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(url, wait_until="domcontentloaded")
    yield seen
    context.close()


def barriers(page: Page) -> list[str]:
    """The rules of axe-core that the page breaks, and where it does."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response
    assert len(found["passes"]) > 10, "it has looked"
    return [
        f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]
    ]


def lightness(color: str) -> float:
    """How light `rgb(r, g, b)` is, 0 to 1."""
    parts = [int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(parts) / 3 / 255
