"""The benchmark's child process: the service with everything that `fer-edge run` loads.

`python -m edge.cli.bench_child TASK`, see `edge.bench.child`.
"""

from __future__ import annotations

from edge.bench import child
from edge.cli import main as _loaded  # noqa: F401

if __name__ == "__main__":
    child.main()
