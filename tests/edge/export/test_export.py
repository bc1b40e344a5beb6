"""`fer-edge export`: what arrives is what the diary has, once, whatever interrupted it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.diary import layout
from edge.export.forms import Form, csv_form, parquet_form
from edge.export.run import Result, export
from edge.packaged import MODELS
from edge.tflite import card_digest
from tests.conftest import Run, command, environment, wait_for
from tests.support import exported
from tests.support.exported import LABELS, OTHERS, event, header, line, model, naive, write

START = datetime.fromisoformat("2026-03-01T18:00:00.000+01:00")


@pytest.fixture(params=[".csv", ".parquet"])
def form(request: pytest.FixtureRequest) -> Form:
    if request.param == ".csv":
        return csv_form()
    pytest.importorskip("pyarrow")
    return parquet_form()


def at(**span: float) -> datetime:
    return START + timedelta(**span)


def table(out: Path) -> list[dict[str, Any]]:
    """All rows in the order of their files, with the columns that the folders name."""
    rows = []
    for path in sorted(out.glob("device=*/date=*/part-*"), key=lambda path: (path.parent, path)):
        folders = dict(part.split("=", 1) for part in path.parts if "=" in part)
        rows += [{**row, **folders} for row in _rows(path)]
    return rows


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        yield from parquet.ParquetFile(path).read().to_pylist()
        return
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            texts = {"emotion", "note", "event", "model"}
            numbers = {
                name: float(value) if value else None
                for name, value in row.items()
                if name not in texts and name != "time"
            }
            # CSV cannot tell an empty text from none.
            null = {name: row[name] or None for name in texts - {"note"}}
            yield {**row, **numbers, **null, "time": datetime.fromisoformat(row["time"])}


def run(diary: Path, out: Path, form: Form, *models: Path) -> Result:
    return export(layout.files(diary), out, "desk", form, models)


def test_every_value_arrives_with_its_type(tmp_path: Path, form: Form) -> None:
    diary, out = tmp_path / "diary", tmp_path / "out"
    rows = [
        model(START),
        line(START, 7, note="clock small"),
        event(at(seconds=1), "raised:negative"),
        event(at(seconds=2), "paused clock"),
        line(at(seconds=2.125), 8),
    ]
    path = write(diary / layout.NAME, header(), *rows)
    run(diary, out, form)
    (file,) = out.glob("device=desk/date=2026-03-01/part-*")
    assert file.suffix == form.suffix
    first, reading, raised, paused, last = table(out)
    assert first["event"] == "model 3fa9c2d41b7e 1s"
    assert (raised["event"], raised["note"], raised["face"]) == ("raised:negative", "", None)
    assert (paused["event"], paused["note"]) == ("paused", "clock")
    source = naive(path)[1]
    assert reading["time"] == START.astimezone(UTC)
    assert reading["time"].utcoffset() == timedelta(0)
    assert reading["utc_offset_min"] == 60
    assert (reading["emotion"], reading["note"], reading["event"]) == ("angry", "clock small", None)
    for name in ("face", "confidence", *(f"p_{label}" for label in LABELS), "x", "y", "width"):
        assert reading[name] == float(source[name]), name
    assert last["time"] == datetime(2026, 3, 1, 17, 0, 2, 125000, UTC)
    assert {row["model"] for row in (first, reading, raised, last)} == {exported.DIGEST}
    assert last["interval_s"] == 1.0


def test_the_rows_are_those_of_a_naive_recount(tmp_path: Path, form: Form) -> None:
    """Random diaries: hours of two offsets, events, archives plain and packed, another model."""
    rng = random.Random(5)
    diary, out, face, expected = tmp_path / "diary", tmp_path / "out", 0, []
    for day in range(4):
        labels = rng.choice([LABELS, OTHERS])
        lines = [header(labels), model(at(days=day), labels)]
        for n in range(rng.randrange(1, 40)):
            offset = timedelta(hours=rng.choice([-2, 0, 1]))
            time = at(days=day, minutes=n) - offset
            face += 1
            lines.append(line(time, face, labels))
            if rng.random() < 0.2:
                lines.append(event(time, "cleared:negative", labels))
        path = write(diary / f"expressions-2026-03-0{day + 1}.csv", *lines)
        expected += naive(path)
        if day % 2:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    result = run(diary, out, form)
    found = table(out)
    assert result.new_rows == len(found) == len(expected)
    key = [(row["time"], int(row["face"] or 0), row["event"] or row["emotion"]) for row in found]
    assert sorted(key) == sorted(
        (datetime.fromisoformat(row["time"]), int(row["face"] or 0), row["note"] or row["emotion"])
        for row in expected
    )
    shares = {(int(row["face"]), float(row["p_happy"])) for row in expected if row["face"]}
    assert shares == {(row["face"], row["p_happy"]) for row in found if row["face"]}


def test_a_second_export_writes_only_what_is_new(tmp_path: Path, form: Form) -> None:
    diary, out = tmp_path / "diary", tmp_path / "out"
    lines = [header(), model(START), line(START, 1), line(at(hours=8), 2)]
    write(diary / layout.NAME, *lines)
    assert run(diary, out, form).new_rows == 3
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert run(diary, out, form).files == []
    lines += [line(at(hours=8), 3), event(at(hours=8), "paused"), event(at(hours=8), "resumed")]
    write(diary / "expressions-2026-03-02.csv", *lines)
    write(diary / layout.NAME, header(), model(at(hours=9)), line(at(hours=9), 4))
    result = run(diary, out, form)
    assert (result.new_rows, len(result.files)) == (5, 2 - 1)
    kept = {path: path.stat().st_mtime_ns for path in before if path.name != "_archives.json"}
    assert kept.items() <= before.items()
    assert len(table(out)) == 8
    assert run(diary, out, form).new_rows == 0
    assert sorted(out.rglob(".*")) == []


def test_archives_are_read_once_and_again_when_they_or_their_days_changed(tmp_path: Path) -> None:
    diary, out = tmp_path / "diary", tmp_path / "out"
    archive = write(diary / "expressions-2026-03-01.csv", header(), line(START, 1))
    write(diary / layout.NAME, header(), line(at(days=1), 2))
    run(diary, out, csv_form())
    again = run(diary, out, csv_form())
    assert again.known_rows == 1, "the archive was not read"
    archive.with_name(archive.name + ".gz").write_bytes(gzip.compress(archive.read_bytes()))
    assert run(diary, out, csv_form()).known_rows == 1, "nor because it was compressed"
    archive.with_name(archive.name + ".gz").unlink()
    write(archive, header(), line(START, 1), line(at(seconds=1), 1))
    assert run(diary, out, csv_form()).new_rows == 1
    for path in (out / "device=desk" / "date=2026-03-01").iterdir():
        path.unlink()
    (out / "device=desk" / "date=2026-03-01").rmdir()
    assert run(diary, out, csv_form()).new_rows == 2


def test_what_is_not_a_row_is_said_with_its_line_and_the_rest_arrives(
    tmp_path: Path, form: Form, caplog: pytest.LogCaptureFixture
) -> None:
    diary, out = tmp_path / "diary", tmp_path / "out"
    good = [line(at(seconds=n), 1) for n in range(6)]
    first = write(
        diary / "expressions-2026-03-01.csv",
        "\ufeff" + header(),
        good[0],
        good[1][:40],
        good[1].replace(",0.8750", ",87.5"),
        good[1],
    )
    others = write(diary / "expressions-2026-03-02.csv", "date,mood", "monday,fine")
    cut = diary / "expressions-2026-03-03.csv.gz"
    cut.write_bytes(gzip.compress("\r\n".join([header(), *good[2:4], ""]).encode())[:-9])
    last = write(diary / layout.NAME, header(), good[4], good[5].replace("angry", "a\0gry"))
    with last.open("ab") as file:
        file.write(good[5][:-30].encode())
    result = run(diary, out, form)
    assert {row["time"] for row in table(out)} >= {at(seconds=n) for n in (0, 1, 4)}
    assert caplog.messages == [
        f"{first}:3: 4 values instead of 12; skipped, and so is 1 line after it",
        f"{others}:1: no header of a diary before it; skipped, and so is 1 line after it",
        f"{cut}:4: cannot be read from here on: Compressed file ended before the"
        " end-of-stream marker was reached",
        f"{last}:3: damaged characters; skipped, and so is 1 line after it",
    ]
    assert result.left_out == 6


def test_a_clock_that_jumps_leaves_no_row_out(tmp_path: Path, form: Form) -> None:
    """Days in turn, and an hour twice: rows are told apart by their faces."""
    diary, out = tmp_path / "diary", tmp_path / "out"
    times = [at(days=n % 7, hours=-(n % 3)) for n in range(50)]
    write(diary / layout.NAME, header(), *(line(time, n) for n, time in enumerate(times)))
    assert run(diary, out, form).new_rows == 50
    assert sorted(row["face"] for row in table(out)) == list(range(50))
    assert run(diary, out, form).new_rows == 0


@pytest.mark.slow
def test_a_killed_export_leaves_no_half_file_and_the_next_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    diary, out = tmp_path / "diary", tmp_path / "out"
    lines = [header()]
    for day in range(6):
        lines += [line(at(days=day, milliseconds=n), 1) for n in range(9000)]
    write(diary / layout.NAME, *lines)
    words = ["--config", os.devnull, "--parquet", "--diary", diary, "--device", "desk"]
    process = subprocess.Popen(
        command("export", *words, "--out", out),
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: len([*out.rglob("part-*")]) >= 2, "files", 60)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    done = len(table(out))
    assert 0 < done < 54000, "it was killed too late to show anything"
    assert run(diary, out, parquet_form()).new_rows == 54000 - done
    assert len(table(out)) == 54000
    assert sorted(out.rglob(".*")) == []


def test_a_full_disk_ends_it_with_one_line_and_no_half_file(tmp_path: Path, form: Form) -> None:
    diary, out = tmp_path / "diary", tmp_path / "out"
    rng = random.Random(1)
    lines = [line(at(milliseconds=rng.randrange(10**7)), n) for n in range(20_000)]
    write(diary / layout.NAME, header(), *lines)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    words = ["--config", os.devnull, f"--{form.suffix[1:]}", "--diary", diary, "--device", "desk"]
    done = subprocess.run(
        command("export", *words, "--out", out),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"fer-edge: {out}: File too large; what is complete stays: export again to go on\n"
    )
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_only_one_export_writes_at_a_time(tmp_path: Path, fer_edge: Run) -> None:
    from edge.export.parts import Table

    diary, out = tmp_path / "log", tmp_path / "out"
    write(diary / layout.NAME, header(), line(START, 1))
    with Table(out / "device=desk", csv_form()):
        done = fer_edge("export", "--csv", "--diary", diary, "--device", "desk", "--out", out)
    assert (done.returncode, done.stderr) == (
        1,
        f"fer-edge: {out}/device=desk: another export writes there\n",
    )


def test_a_name_that_was_changed_is_told(tmp_path: Path, fer_edge: Run) -> None:
    diary, out = tmp_path / "log", tmp_path / "out"
    write(diary / layout.NAME, header(), line(START, 1))
    done = fer_edge("export", "--csv", "--out", out, "--device", "Desk/2")
    assert done.stderr == "fer-edge: device 'Desk/2' is 'desk-2' in the files\n"
    assert (out / "device=desk-2").is_dir()
    named = tmp_path / "config.toml"
    named.write_text('device = "Küche"')
    done = fer_edge("export", "--csv", "--out", out, "--config", named)
    assert done.stderr == "fer-edge: device 'Küche' is 'kuche' in the files\n"
    assert fer_edge("export", "--csv", "--out", out, "--device", "desk-2").stderr == ""


def test_a_folder_holds_one_form(tmp_path: Path, fer_edge: Run) -> None:
    pytest.importorskip("pyarrow")
    write(tmp_path / "log" / layout.NAME, header(), line(START, 1))
    words = ["--device", "desk", "--out", tmp_path / "out"]
    assert fer_edge("export", "--csv", *words).returncode == 0
    done = fer_edge("export", "--parquet", *words)
    assert done.returncode == 2
    assert "holds .csv files; name another folder for .parquet" in done.stderr


@pytest.mark.parametrize("out", ["file", "file/x", "folder"])
def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path, fer_edge: Run, out: str) -> None:
    write(tmp_path / "log" / layout.NAME, header(), line(START, 1))
    (tmp_path / "folder").mkdir()
    file = tmp_path / ("folder/device=desk" if out == "folder" else "file")
    file.touch()
    done = fer_edge("export", "--csv", "--device", "desk", "--out", tmp_path / out)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"fer-edge: --out: {file} is a file, not a directory; name another\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--csv", "--out", "x"], 1, "no diary in"),
        (["--out", "x"], 2, "one of the arguments --parquet --csv is required"),
        (["--csv"], 2, "--out"),
        (["--csv", "--out", "x", "--diary", "y"], 2, "--diary needs --device NAME"),
        (["--csv", "--out", "x", "--device", "厨房"], 2, "must have 1 to 32 of a-z 0-9 _ -"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    fer_edge: Run, words: list[str], code: int, said: str
) -> None:
    done = fer_edge("export", *words)
    assert done.returncode == code
    assert said in done.stderr.splitlines()[-1]


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path / "log" / layout.NAME, header(), line(START, 1))
    (tmp_path / "absent" / "pyarrow").mkdir(parents=True)
    (tmp_path / "absent" / "pyarrow" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pyarrow'\")"
    )
    env = environment(tmp_path)
    env["PYTHONPATH"] = f"{tmp_path / 'absent'}:{env['PYTHONPATH']}"
    words = ["--config", os.devnull, "--parquet", "--out", tmp_path / "out"]
    done = subprocess.run(
        command("export", *words), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "fer-edge: --parquet: No module named 'pyarrow'; in a checkout of this project:"
        " pip install '.[export]'; or use --csv\n"
    )


def test_the_span_is_that_of_log(tmp_path: Path, fer_edge: Run) -> None:
    now = datetime.now().astimezone().replace(microsecond=0)
    times = [now - timedelta(hours=hours) for hours in (5, 3, 1)]
    lines = [line(time, n) for n, time in enumerate(times, 1)]
    write(tmp_path / "log" / layout.NAME, header(), *lines)
    out = tmp_path / "out"
    done = fer_edge("export", "--csv", "--out", out, "--since", "4h", "--until", "2h")
    assert done.returncode == 0, done.stderr
    assert [row["face"] for row in table(out)] == [2]
    assert fer_edge("export", "--csv", "--out", out).stdout.startswith("2 new rows in ")
    assert sorted(row["face"] for row in table(out)) == [1, 2, 3]


def test_the_diary_of_a_clip_arrives_with_its_model(
    tmp_path: Path, fer_edge: Run, shared: Path
) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    assert fer_edge("run", "--source", video).returncode == 0
    out = tmp_path / "out"
    done = fer_edge("export", "--csv", "--out", out)
    assert done.returncode == 0, done.stderr
    rows = table(out)
    readings = [row for row in rows if row["face"]]
    assert len(readings) == len([r for r in naive(tmp_path / "log" / layout.NAME) if r["face"]])
    digest = card_digest(MODELS / "default.tflite")
    assert {row["model"] for row in rows} == {digest}
    card = (out / "_models" / f"{digest}.json").read_bytes()
    assert hashlib.sha256(card).hexdigest()[:12] == digest
    with zipfile.ZipFile(MODELS / "default.tflite") as model_file:
        assert card == model_file.read("card.json")
    described = json.loads((out / "_data_dictionary.json").read_text())["columns"]
    known = {column["name"] for column in described}
    labels = json.loads(card)["labels"]
    assert {*rows[0]} == known - {"p_<label>"} | {f"p_{label}" for label in labels}


def test_files_are_as_private_as_the_diary(tmp_path: Path, form: Form) -> None:
    write(tmp_path / "diary" / layout.NAME, header(), line(START, 1))
    run(tmp_path / "diary", tmp_path / "out", form)
    modes = {path.stat().st_mode & 0o007 for path in (tmp_path / "out").rglob("date*/*")}
    modes |= {path.stat().st_mode & 0o007 for path in (tmp_path / "out").rglob("date*")}
    assert modes == {0}
