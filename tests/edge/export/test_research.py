"""docs/research.md: its snippets run, on a folder with the diaries of a fleet."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.export.columns import COLUMNS, FOLDERS
from edge.export.forms import csv_form, parquet_form
from edge.export.run import export
from tests.conftest import ROOT
from tests.support import exported

PAGE = ROOT / "docs" / "research.md"
duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.M | re.S)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two devices of one model and one of another, as the page's snippets find them."""
    for number, path in enumerate(exported.fleet(tmp_path / "diaries", 2, 3, 10), 7):
        export([path], tmp_path / "fleet", f"desk-{number}", parquet_form())
    start = datetime.fromisoformat("2026-03-01T09:00:00+01:00")
    others = exported.OTHERS
    path = exported.write(
        tmp_path / "other" / "expressions.csv",
        exported.header(others),
        exported.model(start, others, "0123456789ab"),
        *(exported.line(start, face, others) for face in range(4)),
    )
    export([path], tmp_path / "fleet", "hall", parquet_form())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "fleet"


def test_its_table_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\S+)` \| (.+?) \| (.+) \|$", PAGE.read_text(), re.M)
    assert rows == [(each.name, each.kind.value, each.meaning) for each in (*COLUMNS, *FOLDERS)]


def test_its_sql_counts_what_is_there(fleet: Path) -> None:
    (sql,) = snippets("sql")
    *before, query = filter(str.strip, sql.split(";"))
    with duckdb.connect() as database:
        for statement in before:
            database.execute(statement)
        rows = database.execute(query).fetchall()
    days = [(device, f"2026-03-0{day}") for device in ("desk-7", "desk-8") for day in (1, 2, 3)]
    assert [(device, str(date), model, n, share) for device, date, model, n, share in rows] == [
        *((device, day, exported.DIGEST, 10, 1.0) for device, day in days),
        ("hall", "2026-03-01", "0123456789ab", 4, 0.0),
    ]


def test_its_python_runs(fleet: Path) -> None:
    pytest.importorskip("pandas")
    names: dict[str, Any] = {}
    first, second = snippets("python")
    exec(first, names)
    assert len(names["readings"]) == 30
    assert list(names["by_hour"].index) == [8]
    assert str(names["diary"].time.dtype) == "datetime64[ms, UTC]"
    assert list(names["per_minute"]) == [f"p_{label}" for label in exported.LABELS]
    exec(second, names)
    diary = names["diary"]
    assert {"p_angry", "p_contempt"} <= {*diary}
    assert len(diary[diary.event.isna()]) == 64
    assert diary[diary.device == "hall"].p_angry.isna().all()


def test_csv_is_one_table_too(tmp_path: Path) -> None:
    (path,) = exported.fleet(tmp_path / "diaries", 1, 2, 5)
    path.write_text(path.read_text().replace(exported.DIGEST, "3e1234567890"), newline="")
    export([path], tmp_path / "fleet", "desk", csv_form())
    (call,) = re.findall(r"`(read_csv\(.*?\))`", PAGE.read_text())
    table = call.replace("fleet/", f"{tmp_path}/fleet/")
    query = f"SELECT date, count(face) FROM {table} GROUP BY ALL ORDER BY ALL"
    with duckdb.connect() as database:
        found = database.execute(query).fetchall()
        models = database.execute(f"SELECT DISTINCT model FROM {table}").fetchall()
        described = database.execute(f"DESCRIBE SELECT time FROM {table}").fetchall()
    assert [(str(date), n) for date, n in found] == [("2026-03-01", 5), ("2026-03-02", 5)]
    assert models == [("3e1234567890",)]
    assert described[0][:2] == ("time", "TIMESTAMP WITH TIME ZONE")


@pytest.mark.slow
def test_duckdb_reads_a_hundred_devices_of_thirty_days(tmp_path: Path) -> None:
    """One device's folder is a hundred's: those of a fleet are exported apart and put together."""
    (path,) = exported.fleet(tmp_path / "diaries", 1, 30, 4)
    export([path], tmp_path / "fleet", "desk-0", parquet_form())
    for number in range(1, 100):
        shutil.copytree(
            tmp_path / "fleet" / "device=desk-0", tmp_path / "fleet" / f"device=desk-{number}"
        )
    assert len([*tmp_path.glob("fleet/*/*/part-*.parquet")]) == 3000
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT count(DISTINCT device), count(DISTINCT date), count(face),"
            " count(DISTINCT model)"
            f" FROM read_parquet('{tmp_path}/fleet/**/*.parquet', union_by_name = true)"
        ).fetchone()
    assert found == (100, 30, 12_000, 1)
