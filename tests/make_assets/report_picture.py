"""Photograph a report of an imagined home, as a browser shows it.

python -m tests.make_assets.report_picture --out docs/report.png

Needs the extra `test`, and Chromium: apt install chromium.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
from playwright.sync_api import sync_playwright

from edge.expressions.model_card import read_card
from edge.packaged import MODELS
from edge.report import accuracy, page
from edge.report.figures import collect
from tests.support.hours import LABELS, home

TODAY = date(2026, 3, 30)
WIDTH_PX, HEIGHT_PX = 800, 990


def write(out: Path) -> None:
    """Write the picture of the page's upper part, in few colours so that it stays small."""
    figures = collect(home(100, TODAY), TODAY, days=30, device="pi", labels=LABELS, min_minutes=30)
    found = accuracy.of_card(read_card(MODELS / "default.tflite"))
    html = page.page(figures, found, "model default.tflite", datetime(2026, 3, 30, tzinfo=UTC))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        path.write_text(html)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
        shown.goto(path.as_uri())
        shown.screenshot(path=str(out))
        browser.close()
    picture = cv2.imread(str(out))
    assert picture is not None
    cv2.imwrite(str(out), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
