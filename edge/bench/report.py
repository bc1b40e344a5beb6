"""The benchmark's report as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report of `edge.bench.run.bench`, line by line; costs are CPU time."""
    yield from _about(report)
    yield ""
    yield from _costs(report)
    yield ""
    yield from _beside(report)
    yield ""
    yield from _found(report["quality"], report["face_frames"])
    yield ""
    yield from _process(report)


def _about(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{report['source']}: {report['frames']} frames, {report['face_frames']} faces in them"
    yield (
        f"{report['machine']}, Python {report['python']}, OpenCV {report['opencv']},"
        f" {report['runtime']}, model {report['model']}"
    )
    broker = report["broker"]
    yield (
        f"publish: to {broker}" if broker else "publish: no broker configured, outbox on disk only"
    )


def _costs(report: Mapping[str, Any]) -> Iterator[str]:
    stages = report["stages"]
    yield "ms a frame       " + "".join(f"{stage:>10}" for stage in stages)
    yield "  mean           " + "".join(f"{ms:>10.3f}" for ms in stages.values())
    yield _row("without capture", report["cpu_ms"])
    yield f"  one core could sustain {report['fps']:.0f} frames a second, capture included"
    extra = report["extra_face_ms"]
    yield "  one more face  " + ("n/a: one number of faces" if extra is None else f"{extra:.3f}")
    yield f"  still and empty {report['still_ms']:.3f}, noisy {report['still_noisy_ms']:.3f}"
    sizes = report["resolution_ms"]
    (_, small), (_, large) = sizes.items()
    costs = ", ".join(f"{name} {ms:.3f}" for name, ms in sizes.items())
    yield f"  {costs}: {large / small:.2f} times"


def _row(name: str, cost: Mapping[str, float]) -> str:
    return f"  {name:<15} " + ", ".join(f"{kind} {ms:.3f}" for kind, ms in cost.items())


def _beside(report: Mapping[str, Any]) -> Iterator[str]:
    full, ours = report["full_haar_ms"], report["cpu_ms"]
    yield (
        f"full Haar scan   {full:.1f} ms a frame; our p99 is 1/{full / ours['p99']:.1f} of it,"
        f" our worst 1/{full / ours['max']:.1f}"
    )


def _found(quality: Mapping[str, Any], faces: int) -> Iterator[str]:
    yield "against a full Haar scan of every frame"
    yield (
        f"  recall {_share(quality['recall'])} ({_share(quality['recall_min_px'])} of faces from"
        f" faces.min_px on), precision {_share(quality['precision'])} of {faces}"
    )
    yield (
        f"  {quality['tracks']} tracks, {quality['false_tracks']} of them false;"
        f" {quality['id_changes']} id changes in {quality['linked_frames']} frames"
    )


def _share(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.3f}"


def _process(report: Mapping[str, Any]) -> Iterator[str]:
    alone, start = report["imports"], report["startup_cpu_s"]
    yield (
        f"RSS {report['rss_mb']:.1f} MB, {report['rss_mb'] - alone['rss_mb']:+.1f} to"
        f" {alone['rss_mb']:.1f} of bare imports that play a video"
    )
    bare_s = alone["cpu_s"]
    if start is None:
        yield f"start to the first reading: there was none; those imports take {bare_s:.2f} s"
    else:
        times = f"{start / bare_s:.2f} times the {bare_s:.2f} s of those imports"
        yield f"start to the first reading: {start:.2f} s, {times}"
    if grown := report.get("allocations"):
        yield f"allocation: {grown['growth_kb']:+.1f} KB over {grown['frames']} frames"
