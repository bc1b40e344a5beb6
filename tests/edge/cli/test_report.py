"""`fer-edge report`: from a diary's table and rows to a page."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.diary import daily
from edge.report import words
from tests.conftest import Run
from tests.support.hours import home
from tests.support.service import CLIP

pytest.importorskip("vl_convert")

Config = Callable[[str], Path]


def diary(folder: Path, days: int = 100) -> str:
    """A configuration whose diary has the hours of that many days before today."""
    folder.mkdir()
    daily.store(folder, home(days, date.today()))
    return f'[diary]\ndirectory = "{folder}"\n'


def test_a_page_and_its_pictures(fer_edge: Run, config: Config, tmp_path: Path) -> None:
    path = config(diary(tmp_path / "log"))
    out = tmp_path / "out.html"
    done = fer_edge("report", "--config", path, "--days", 14, "--out", out, "--png")
    assert done.returncode == 0, done.stderr
    names = [
        "out.html",
        *(f"out-{x}.png" for x in ("negative", "raster", "expressions", "in-view")),
    ]
    assert done.stdout.splitlines() == [str(tmp_path / name) for name in names]
    html = out.read_text()
    assert "more than usual. Usual here is" in html
    assert len(re.findall(r'<tr><th scope="row">\d{4}-', html)) == 14
    assert (date.today() - timedelta(days=13)).isoformat() in html
    for name in names[1:]:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert not [*tmp_path.glob(".*")], "nothing half-written is left"


class Cells(HTMLParser):
    """The texts of a page's table rows, by their first one."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data


def test_its_figures_are_those_of_the_summary(
    fer_edge: Run, config: Config, tmp_path: Path
) -> None:
    path, out = config(diary(tmp_path / "log")), tmp_path / "out.html"
    assert fer_edge("report", "--config", path, "--days", 21, "--out", out).returncode == 0
    since = (date.today() - timedelta(days=20)).isoformat()
    done = fer_edge("summary", "--config", path, "--json", "--by", "day", "--since", since)
    assert done.returncode == 0, done.stderr
    told, html = json.loads(done.stdout), out.read_text()

    rows = {row[0]: row for row in Cells(html).rows}
    labels = rows["day"][7:]
    periods = {period["period"]: period for period in told["periods"]}
    assert len(periods) > 15
    for number in range(21):
        day = (date.today() - timedelta(days=number)).isoformat()
        period = periods.get(day, {"counted": 0, "shares": {}, "alerts": {}, "negative": None})
        shares = [period["shares"].get(label, 0 if period["counted"] else None) for label in labels]
        assert rows[day] == [
            day,
            words.percent(period["negative"]),
            f"{period['counted']:,}",
            *(words.hours(period.get(name, 0)) for name in ("face_s", "watched_s", "paused_s")),
            str(sum(period["alerts"].values())),
            *map(words.percent, shares),
        ]

    usual, total = told["usual"], told["total"]
    low = words.percent(usual["low"]).split()[0]
    assert f"Usual here is {low} to {words.percent(usual['high'])}." in html
    assert f"{total['counted']:,} readings used" in html
    assert f"{sum(total['alerts'].values())} alerts." in html
    seen = [period for period in periods.values() if period["face_s"]]
    mean = words.hours(total["face_s"] / len(seen))
    assert f"in view {mean} a day, on {len(seen)} of 21" in html.replace(
        "\N{NO-BREAK SPACE}days", ""
    )
    week = [periods.get((date.today() - timedelta(days=back)).isoformat()) for back in range(1, 8)]
    valid = [each["negative"] for each in week if each and each["face_s"] >= 1800]
    assert f"In the last 7 days {words.percent(sum(valid) / len(valid))} of a day" in html
    for label, share in total["shares"].items():
        assert f"{label} {words.percent(share)}" in html


@pytest.mark.slow
def test_the_diary_of_a_clip(fer_edge: Run, config: Config, tmp_path: Path) -> None:
    text = f'[diary]\ndirectory = "{tmp_path}/log"\n[camera]\nsource = "{CLIP}"\n'
    assert fer_edge("run", "--config", config(text)).returncode == 0
    out = tmp_path / "out.html"
    done = fer_edge("report", "--config", config(text), "--out", out)
    assert done.returncode == 0, done.stderr
    html = out.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "In the last 7 days too little was seen for a comparison: 0 days" in html
    (today,) = re.findall(rf'<tr><th scope="row">{date.today()}</th><td>\((\d+) %\)', html)
    assert 20 <= int(today) <= 70, "the clip is half of negative expressions"


def test_what_is_wrong_is_one_line(
    config: Config,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def said(*words: object) -> tuple[int, str]:
        code = main(["report", *map(str, words)])
        return code, capsys.readouterr().err

    empty = config(f'[diary]\ndirectory = "{tmp_path}/none"\n')
    code, err = said("--config", empty)
    assert code == 1
    assert err.startswith(f"fer-edge: no diary in {tmp_path}/none")
    there = config(diary(tmp_path / "log"))
    out = tmp_path / "missing" / "out.html"
    code, err = said("--config", there, "--out", out)
    assert (code, err) == (
        2,
        f"fer-edge: --out {out}: cannot write it: No such file or directory\n",
    )
    kept = tmp_path / "kept.html"
    kept.mkdir()
    code, err = said("--config", there, "--out", kept)
    assert code == 2
    assert not [*tmp_path.glob(".*")]
    for days in ("0", "-1", "many", "99999"):
        with pytest.raises(SystemExit) as ended:
            main(["report", "--days", days])
        assert ended.value.code == 2
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    code, err = said("--config", there)
    assert code == 2
    assert err.endswith("pip install '.[report]'\n")
    assert "no 32-bit version" in err


def test_a_model_that_is_gone_leaves_the_diary_readable(
    fer_edge: Run, config: Config, tmp_path: Path
) -> None:
    text = diary(tmp_path / "log") + '[model]\npath = "/nonexistent/model.tflite"\n'
    done = fer_edge("report", "--config", config(text), "--out", tmp_path / "out.html")
    assert done.returncode == 0, done.stderr
    assert "/nonexistent/model.tflite" in done.stderr
    assert "Usual here is" in (tmp_path / "out.html").read_text()
