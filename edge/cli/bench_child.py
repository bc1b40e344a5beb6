"""The benchmark's child process: the service with everything that `fer-edge run` loads.

`python -m edge.cli.bench_child TASK`, see `edge.bench.child`.
"""

from __future__ import annotations

import gc
import os

if __name__ == "__main__":
    # As `edge.__main__` and the command do.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    from edge.bench import child
    from edge.cli import main, run  # noqa: F401

    child.main()
