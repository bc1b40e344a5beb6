"""Bad input through the real command line: the exit code, one clear line, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli.main import main
from edge.config.paths import model_path
from edge.config.schema import ModelConfig
from edge.diary import layout, reader, schema
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.support.cameras import Device, pull
from tests.support.disks import Mounted, as_nobody

CLIP = ROOT / "edge" / "assets" / "average-faces.mp4"
Config = Callable[[str], Path]


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The only line that was printed, without its beginning; fails unless all is as it must be."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("fer-edge: ")
    assert len(lines[0]) < 600
    return lines[0].removeprefix("fer-edge: ")


def written(tmp_path: Path) -> list[str]:
    """What a run left in its directories."""
    return [path.name for name in ("log", "state") for path in (tmp_path / name).glob("**/*")]


def begun(tmp_path: Path) -> bytes:
    """What is in the diary."""
    path = tmp_path / "log" / layout.NAME
    return path.read_bytes() if path.exists() else b""


# The configuration: 78


@pytest.mark.parametrize("subcommand", ["run", "check", "log", "demo"])
def test_every_command_refuses_a_mistyped_key_alike(
    fer_edge: Run, config: Config, tmp_path: Path, subcommand: str
) -> None:
    path = config("[mqtt]\nprot = 1883\n")
    done = fer_edge(subcommand, "--config", path)
    assert one_line(done, 78) == f"{path}: mqtt.prot: unknown key; did you mean 'port'?"
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[camera]\nfps = "fast"', "camera.fps: must be a number, not 'fast'"),
        ("[camera]\nfps = 1000", "camera.fps: must be between 0.1 and 240, not 1000.0"),
        ("[camera]\nfps == 5", "not valid TOML: Invalid value (at line 2, column 6)"),
        ("[camera\nfps = 5", "(at line 1, column 8)"),
        ("[[alerts]]\nname = 'x", "(at line 2, column 10)"),
        ('[[alerts]]\nemotions = ["hungry"]', "the model does not know 'hungry'; it knows angry"),
        ('[diary]\ndirectory = "~no-such-user/x"', "~no-such-user/x: there is no such home"),
        ('[model]\npath = "~no-such-user/x"', "~no-such-user/x: there is no such home"),
        (
            '[mqtt]\nhost = "127.0.0.1"\nusername = "u"\npassword_file = "/none"',
            "mqtt.password_file: /none: ",
        ),
        ('[mqtt]\nhost = "127.0.0.1"\ntls = true\ntls_ca = "/none"', "mqtt.tls_ca: /none: "),
    ],
)
def test_a_wrong_configuration_is_named_with_place_and_fix(
    fer_edge: Run, config: Config, tmp_path: Path, lines: str, said: str
) -> None:
    done = fer_edge("run", "--config", config(lines), "--source", CLIP)
    assert said in one_line(done, 78)
    assert begun(tmp_path).count(b"\r\n") == begun(tmp_path).count(b"\n") <= 1


def test_a_missing_configuration_file_is_refused(fer_edge: Run, tmp_path: Path) -> None:
    done = fer_edge("run", "--config", tmp_path / "none.toml")
    assert "none.toml: cannot read the configuration: No such file" in one_line(done, 78)


# The model: 78


@pytest.fixture
def broken_models(tmp_path: Path) -> dict[str, Path]:
    whole = model_path("default").read_bytes()
    contents = {
        "text": b"this is not a model, it is text",
        "empty": b"",
        "without a card": whole[: whole.index(b"PK\3\4")],
        "truncated": whole[: len(whole) // 2],
        "cut by a byte": whole[:-1],
        "damaged": whole[:5000] + b"\xff\xff\xff\xff" + whole[5004:],
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.tflite").write_bytes(content)
    return {name: tmp_path / f"{name}.tflite" for name in [*contents, "missing"]}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "cannot read the model: No such file or directory"),
        ("text", "not a TFLite file; make one with: fer-convert MODEL"),
        ("empty", "not a TFLite file; make one with: fer-convert MODEL"),
        ("without a card", "no model card inside"),
        ("truncated", "no model card inside: the file is cut short"),
        ("cut by a byte", "no model card inside: the file is cut short"),
        ("damaged", "its checksum is wrong"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(
    fer_edge: Run,
    config: Config,
    tmp_path: Path,
    broken_models: dict[str, Path],
    name: str,
    said: str,
) -> None:
    path = broken_models[name]
    done = fer_edge("run", "--config", config(f'[model]\npath = "{path}"'), "--source", CLIP)
    line = one_line(done, 78)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert written(tmp_path) == []


# The camera: 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/dev/video63", "/dev/video63: no such camera; plug it in, or set camera.source"),
        ("63", "/dev/video63: no such camera; plug it in, or set camera.source"),
        ("/dev/null", "/dev/null: cannot open the camera; another program may be using it"),
        ("picamera2", "apt install python3-picamera2"),
        ("nowhere", "nowhere: no such file, folder or camera (see camera.source)"),
        ("rtsp://u:secret@127.0.0.1:9/x", "rtsp://127.0.0.1:9/x: cannot open the stream"),
        ("rtsp://u:a/secret@127.0.0.1:9/x", "rtsp://...: cannot open the stream"),
        ("http://127.0.0.1:9/x.cgi?pwd=secret", "http://127.0.0.1:9/...: cannot open the stream"),
        ("rtsp://127.0.0.1:9/pwd=secret&c=1", "rtsp://127.0.0.1:9/...: cannot open the stream"),
    ],
)
def test_a_camera_that_is_not_there_ends_the_run(
    fer_edge: Run, tmp_path: Path, source: str, said: str
) -> None:
    line = one_line(fer_edge("run", "--source", source), 1)
    assert said in line
    assert "secret" not in line
    assert begun(tmp_path).count(b"\r\n") == 1  # the header, whole


def test_no_camera_at_all_ends_the_run(fer_edge: Run) -> None:
    if list(Path("/dev").glob("video*")):
        pytest.skip("this machine has video devices")
    assert "no camera found; connect one" in one_line(fer_edge("run"), 1)


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For `main()` in this process: directories of its own, signal handlers put back."""
    kept = {
        number: signal.getsignal(number)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    monkeypatch.setenv("LOGS_DIRECTORY", str(tmp_path / "log"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("in_process")
def test_a_camera_unplugged_while_running_ends_the_run_and_the_diary_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    capture = cv2.VideoCapture(str(CLIP))
    pictures = [capture.read()[1] for _ in range(5)]
    capture.release()
    device = Device()
    monkeypatch.setattr(cv2, "VideoCapture", device)
    monkeypatch.setattr("edge.camera.source.STALLED_S", 0.5)

    def took(count: int) -> bool:
        return device.taken == count

    def plug() -> None:
        for at, picture in enumerate(pictures, 1):
            device.pictures.put(np.asarray(picture, np.uint8))
            wait_for(partial(took, at), "the picture to be taken")
        wait_for((tmp_path / "log" / layout.NAME).exists, "the diary")
        wait_for(lambda: list(reader.rows(tmp_path / "log" / layout.NAME)), "the first row")
        pull(device)

    plugged = threading.Thread(target=plug)
    plugged.start()
    code = main(["run", "--source", "/dev/null"])
    plugged.join()
    said = capfd.readouterr()
    assert code == 1
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert re.fullmatch(
        r"fer-edge: /dev/null: no picture for \d s; it was unplugged or stopped sending", line
    )
    assert device.released.is_set()
    assert (tmp_path / "log" / layout.NAME).read_bytes().endswith(b"\r\n")


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "no pictures", "only bad pictures"])
def test_a_video_that_is_unreadable_or_empty_ends_the_run(
    fer_edge: Run, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / "source.mp4"
    contents = {"empty": b"", "text": b"no video", "cut": CLIP.read_bytes()[:20_000]}
    if kind in contents:
        source.write_bytes(contents[kind])
    else:
        source.mkdir()
        if kind == "only bad pictures":
            (source / "a.png").write_bytes(b"no picture")
    done = fer_edge("run", "--source", source)
    said = done.stderr.splitlines()
    assert done.returncode == 1
    assert said[-1].startswith(f"fer-edge: {source}: no ")
    assert said[:-1] == (
        [f"WARNING: {source}/a.png: not a readable picture; skipped"] if "bad" in kind else []
    )


# The diary's directory: check 1, run goes on; 78 where the path itself is wrong


@pytest.fixture
def no_room(tmp_path: Path) -> dict[str, str]:
    """Directories that refuse to be written to, without root's help."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / layout.NAME).symlink_to("/dev/full")
    return {"full": str(tmp_path / "full"), "unwritable": "/proc/no-such-place/log"}


LOW = """
[mood]
reading_interval_s = 0
[[alerts]]
name = "any"
emotions = ["happy", "neutral", "surprise", "angry"]
count = 2
min_confidence = 0.0
"""


@pytest.mark.parametrize("kind", ["full", "unwritable"])
def test_a_diary_that_cannot_be_written_is_said_once_and_alerts_go_on(
    fer_edge: Run, config: Config, no_room: dict[str, str], kind: str
) -> None:
    path = config(f'{LOW}[logging]\nlevel = "warning"\n[diary]\ndirectory = "{no_room[kind]}"\n')
    done = fer_edge("run", "--config", path, "--source", CLIP)
    said = done.stderr.splitlines()
    assert done.returncode == 1
    assert len([line for line in said if "cannot write the diary" in line]) == 1, done.stderr
    assert no_room[kind] in said[0]
    assert any("alert 'any' raised" in line for line in said)
    assert said[-1].startswith(f"fer-edge: {no_room[kind]}/{layout.NAME}: ")
    assert "rows could not be written: " in said[-1]
    assert len(said) <= 4, done.stderr


def test_check_finds_a_directory_that_cannot_be_written(fer_edge: Run, config: Config) -> None:
    path = config(f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "/proc/no-such-place/log"\n')
    done = fer_edge("check", "--config", path)
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 1
    assert "diary.directory: cannot write to /proc/no-such-place/log" in failed
    report = json.loads(fer_edge("check", "--json", "--config", path).stdout)
    assert report["ok"] is False
    assert [part["part"] for part in report["parts"] if not part["ok"]] == ["diary"]


def test_check_finds_a_full_disk(fer_edge: Run, config: Config, tmp_path: Path) -> None:
    with Mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=16k", "none") as disk:
        (disk / "ballast").write_bytes(b"x" * 16384)
        path = config(f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "{disk}"\n')
        done = fer_edge("check", "--config", path)
    assert done.returncode == 1
    assert f"diary.directory: cannot write to {disk}: No space left on device" in done.stdout


def test_a_disk_that_refuses_while_running_costs_no_alert_and_no_row(
    config: Config, tmp_path: Path
) -> None:
    """A limit on file size set from outside refuses every write, as a full card does."""
    process = subprocess.Popen(
        command("run", "--config", config(LOW), "--source", CLIP, "--realtime"),
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    path = tmp_path / "log" / layout.NAME
    wait_for(lambda: path.exists() and list(reader.rows(path)), "the first row")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    before = len(list(reader.rows(path)))
    assert process.stderr
    said: list[str] = []
    while not any("cannot write the diary" in line for line in said):
        said.append(process.stderr.readline())
    resource.prlimit(
        process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    wait_for(lambda: len(list(reader.rows(path))) > before + 20, "rows again")
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=20)[1]
    assert process.returncode == 0
    assert "0 rows were lost" in rest
    frames = [row.time for row in reader.rows(path)]
    gaps = [(b - a).total_seconds() for a, b in pairwise(frames)]
    assert max(gaps) < 0.6, "rows are missing"


@pytest.mark.parametrize("kind", ["a file", "below a file", "too long", "zero character"])
def test_a_log_directory_that_cannot_be_one_is_a_configuration_error(
    fer_edge: Run, config: Config, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").touch()
    paths = {
        "a file": f"{tmp_path}/file",
        "below a file": f"{tmp_path}/file/log",
        "too long": f"{tmp_path}/{'x' * 300}",
        "zero character": "a\\u0000b",
    }
    path = config(f'[diary]\ndirectory = "{paths[kind]}"\n')
    assert "diary.directory: " in one_line(fer_edge("run", "--config", path, "--source", CLIP), 78)


def test_a_second_run_on_the_same_diary_is_refused_and_the_first_goes_on(
    fer_edge: Run, tmp_path: Path
) -> None:
    first = subprocess.Popen(
        command("run", "--source", CLIP, "--realtime"), env=environment(tmp_path)
    )
    path = tmp_path / "log" / layout.NAME
    wait_for(lambda: path.exists() and list(reader.rows(path)), "the first row")
    line = one_line(fer_edge("run", "--source", CLIP), 1)
    assert "another fer-edge writes its diary there; stop it, or set diary.directory" in line
    before = len(list(reader.rows(path)))
    wait_for(lambda: len(list(reader.rows(path))) > before, "a further row of the first")
    first.terminate()
    assert first.wait(10) == 0


# The broker


@pytest.mark.slow
def test_a_broker_that_refuses_is_said_once_and_the_diary_goes_on(
    config: Config, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = config(f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n')
    process = subprocess.Popen(
        command("run", "--config", path, "--source", CLIP, "--realtime"),
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    # Five seconds of the clip, in which it is tried at least three times.
    wait_for(lambda: begun(tmp_path).count(b"\r\n") > 5, "five readings")
    process.terminate()
    said = process.communicate(timeout=10)[1].splitlines()
    assert process.returncode == 0
    assert len(said) == 2, said
    assert "Connection refused" in "".join(said)
    assert f"INFO: watching {CLIP}, 640x480; diary: {tmp_path / 'log'}" in said


# The output


@pytest.mark.parametrize("arguments", [["log"], ["log", "--csv"], ["log", "--json"], ["check"]])
@pytest.mark.parametrize("rows", [1, 1000], ids=["short", "longer than the buffer"])
def test_an_output_that_takes_no_more_is_one_line(
    config: Config, tmp_path: Path, arguments: list[str], rows: int
) -> None:
    (tmp_path / "log").mkdir()
    row = "2026-03-01T12:00:00.000+01:00,1,happy,1.0000,1.0000,8,4,40,40,\r\n"
    (tmp_path / "log" / layout.NAME).write_text(
        schema.header(["happy"]) + "\r\n" + row * rows, newline=""
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments, "--config", config(f'[camera]\nsource = "{CLIP}"')),
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "fer-edge: cannot write to standard output: No space left on device\n"


# The system's configuration, which others may not read


@pytest.mark.usefixtures("in_process")
def test_who_may_not_read_the_configuration_is_told_how_and_the_demo_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    path = tmp_path / "closed" / "config.toml"
    monkeypatch.setattr("edge.config.loader.SYSTEM_CONFIG", path)
    monkeypatch.setattr("edge.cli.demo.show", lambda model, _: print(model == ModelConfig()))
    sudo = "no permission to read it; try with sudo, or name another with --config FILE"
    hint = f"fer-edge: {path}: {sudo}"
    with as_nobody():
        assert main(["log"]) == 78
        assert capfd.readouterr().err == f"{hint}\n"
        assert main(["demo"]) == 0
    assert capfd.readouterr() == ("True\n", f"{hint}; using the defaults\n")


# The command line: 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["run", "--loop", "0"],
        ["run", "--loop", "x"],
        ["run", "--source", ""],
        ["bench", "--source", ""],
        ["log", "--csv", "--json"],
    ],
)
def test_a_command_line_without_sense_is_bad_usage(fer_edge: Run, arguments: list[str]) -> None:
    done = fer_edge(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr.splitlines()[-1]


def test_standard_error_may_be_closed() -> None:
    """As some cron daemons start programs."""
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *command("run", "--source", "/nowhere")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
