"""`fer-edge`: arguments to configuration to parts to exit code; the one error boundary."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
from pathlib import Path

from edge import __version__, config_file, show, signals
from edge.config import Config
from edge.errors import Problem

# The commands import their parts when they run: OpenCV and the model's runtime take seconds to
# load on a Pi, and `fer-edge log` needs neither.


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is 0, or that of the problem (see `edge.errors`)."""
    options = _parser().parse_args(arguments)
    try:
        settings = _settings(options)
        logging.basicConfig(
            level=settings.log.level.upper(), format="%(levelname)s: %(message)s", stream=sys.stderr
        )
        code: int = options.command(settings, options)
        show.say("", end="", flush=True)  # what the buffer holds may still be refused
    except Problem as problem:
        print(f"fer-edge: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _settings(options: argparse.Namespace) -> Config:
    try:
        return config_file.load(options.config)
    except config_file.NotOurs as problem:
        if not options.defaults_do:
            raise
        print(f"fer-edge: {problem}; going on with the defaults", file=sys.stderr)
        return Config()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fer-edge",
        description="Facial expressions on a Raspberry Pi: a diary, and alerts over MQTT.",
    )
    parser.add_argument("--version", action="version", version=f"fer-edge {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.set_defaults(defaults_do=False)
    shared.add_argument(
        "--config", type=Path, metavar="FILE", help="instead of /etc/fer-edge/config.toml"
    )
    shared.add_argument("--version", action="version", version=f"fer-edge {__version__}")

    run = commands.add_parser("run", parents=[shared], help="watch, keep the diary, send alerts")
    run.add_argument(
        "--source", type=_source, metavar="X", help="instead of camera.source, for this run"
    )
    run.add_argument("--realtime", action="store_true", help="play a file at its own pace")
    run.add_argument("--loop", type=_positive, default=1, metavar="N", help="play a file N times")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", parents=[shared], help="try every part, say what is wrong")
    check.add_argument("--json", action="store_true", help="one JSON object for scripts")
    check.set_defaults(command=_check)

    demo = commands.add_parser("demo", parents=[shared], help="see it work: no camera, no broker")
    demo.set_defaults(command=_demo, defaults_do=True)

    bench = commands.add_parser("bench", parents=[shared], help="what it costs on this machine")
    bench.add_argument(
        "--source", type=_source, metavar="VIDEO", help="instead of the packaged clip"
    )
    bench.add_argument("--frames", type=_positive, metavar="N", help="the first N only")
    bench.add_argument("--compare", action="store_true", help="the classic loop beside ours")
    bench.add_argument(
        "--classic-tflite",
        type=Path,
        metavar="FILE",
        help="what that classifies by (a float model)",
    )
    bench.add_argument("--allocations", action="store_true", help="growth over 10,000 frames, too")
    bench.add_argument("--json", action="store_true", help="one JSON object for scripts")
    bench.set_defaults(command=_bench, defaults_do=True)

    log = commands.add_parser("log", parents=[shared], help="read the diary")
    log.add_argument("--since", type=show.span, metavar="SPAN", help="such as 30m, 1h, 7d")
    log.add_argument("--follow", action="store_true", help="go on printing as rows are written")
    form = log.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="the rows as they are")
    form.add_argument("--json", action="store_true", help="one JSON object with all rows")
    log.set_defaults(command=_log)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _source(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; 'auto' takes the first camera")
    return text


def _run(settings: Config, options: argparse.Namespace) -> int:
    stop, asked = signals.listen()  # before the parts are loaded: that takes seconds
    from edge import access, reload  # noqa: PLC0415

    for line in access.exposed(settings, options.config or config_file.SYSTEM_CONFIG):
        logging.warning("%s", line)

    def changed(loaded: Config) -> Config:
        if options.source is None:
            return loaded
        return dataclasses.replace(
            loaded, camera=dataclasses.replace(loaded.camera, source=options.source)
        )

    reload.serve(
        changed(settings),
        lambda: changed(config_file.load(options.config)),
        stop,
        asked,
        realtime=options.realtime,
        loops=options.loop,
    )
    return 0


def _check(settings: Config, options: argparse.Namespace) -> int:
    from edge.check import check  # noqa: PLC0415

    results = []
    for result in check(settings):
        results.append(result)
        if not options.json:
            show.say(
                f"{'ok' if result.ok else 'FAIL':<5} {result.part:<7} {result.text}", flush=True
            )
    well = all(result.ok for result in results)
    if options.json:
        show.say(json.dumps({"ok": well, "parts": [result._asdict() for result in results]}))
    return 0 if well else 1


def _demo(settings: Config, _: argparse.Namespace) -> int:
    stop, _reload = signals.listen()
    from edge import demo  # noqa: PLC0415

    demo.show(settings, stop)
    return 0


def _bench(settings: Config, options: argparse.Namespace) -> int:
    from edge.bench import report as told  # noqa: PLC0415
    from edge.bench.run import Request, bench  # noqa: PLC0415

    report = bench(
        settings,
        Request(
            source=options.source,
            frames=options.frames,
            compare=options.compare,
            classic_tflite=options.classic_tflite,
            allocations=options.allocations,
        ),
    )
    for line in [json.dumps(report)] if options.json else told.lines(report):
        show.say(line)
    return 0


def _log(settings: Config, options: argparse.Namespace) -> int:
    show.show(show.where(settings), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
