"""The start of the service: what it loads is never searched for garbage, what it makes later is."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

from edge.config.schema import CameraConfig, Config, DiaryConfig, StateConfig
from edge.packaged import CLIP
from edge.service import loop
from edge.service.systemd import Notifier
from edge.service.watching import Conditions
from tests.conftest import ROOT, environment

#: Runs `fer-edge run` and says whether libraries are where no garbage is looked for.
_PROGRAM = """
import gc, sys
from edge.__main__ import main
code = main()
searched = {id(each) for each in gc.get_objects()}
names = "edge.config.schema", "edge.service.loop", "numpy", "cv2"
print(code, gc.isenabled(), [name for name in names if id(sys.modules[name].__dict__) in searched])
"""
#: Of no use without the alert `trend`, or to whoever only runs the service.
_NEEDLESS = "edge.service.daily_shares", "numpy.typing", "paho", "rich", "sqlite3"


def started(tmp_path: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--source", str(CLIP)],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_what_the_service_loads_is_not_searched_for_garbage(tmp_path: Path) -> None:
    assert started(tmp_path, _PROGRAM) == "0 True []"


def test_what_this_configuration_does_not_need_is_not_loaded(tmp_path: Path) -> None:
    program = f"""
import sys
from edge.__main__ import main
main()
print([name for name in {_NEEDLESS} if name in sys.modules])
"""
    assert started(tmp_path, program) == "[]"


def test_garbage_is_looked_for_again_once_the_loop_begins(tmp_path: Path) -> None:
    config = Config(
        camera=CameraConfig(source=str(CLIP)),
        diary=DiaryConfig(directory=tmp_path),
        state=StateConfig(directory=tmp_path),
    )
    looked_for = []
    gc.disable()
    try:
        loop.serve(
            config,
            Conditions(threading.Event()),
            Notifier(""),
            listener=lambda _: looked_for.append(gc.isenabled()),
        )
    finally:
        gc.unfreeze()
        gc.enable()
    assert looked_for
    assert all(looked_for)
