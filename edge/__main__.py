"""`python -m edge` is `fer-edge`."""

import gc
import os
import signal
import sys


def main() -> int:
    """Run the command line; Ctrl-C while modules load ends it without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # No matrix here is worth threads of numpy; where memory is short, each adds lines of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()  # what is loaded stays: to look for garbage in it takes a twentieth of the start
    from edge.cli.main import main as run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    return run()


if __name__ == "__main__":
    sys.exit(main())
