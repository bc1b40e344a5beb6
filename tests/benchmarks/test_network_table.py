"""The table in docs/training.md: the command that makes it, and that it is what it makes."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest

from convert.faces.synthetic import clear_faces, statistics
from convert.loading.training_record import write_record
from convert.training import networks
from edge.config.paths import model_path
from edge.errors import RefusedFile
from tests.benchmarks import network_results, network_rows, network_table, tflite_counts
from tests.benchmarks.network_results import Result
from tests.conftest import ROOT
from tests.support.converting import keras, quiet

PAGE = (ROOT / "docs" / "training.md").read_text()


def cells(text: str) -> dict[str, list[str]]:
    """The table's cells by network."""
    after = text.partition(network_table.HEAD)[2].partition("\n\n")[0].strip()
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in after.split("\n")]
    return {line[0]: line for line in lines if line[0]}


def test_the_page_holds_what_the_shipped_files_are(shared: Path) -> None:
    stated = cells(PAGE)
    options = argparse.Namespace(data=shared / "data" / "fer2013_train_public.npz")
    found = {row.name: row for row in network_rows.shipped(options, quiet)}
    assert "default.tflite" in found
    for name, row in found.items():
        assert stated[name] == row.cells(stated[name][4])
        assert re.fullmatch(r"\d+\.\d\d", stated[name][4])


@pytest.mark.parametrize(("name", "limit"), [("default", 60_000_000), ("tiny", 12_000_000)])
def test_shipped_models_keep_their_limits(name: str, limit: int) -> None:
    assert tflite_counts.macs(model_path(name).read_bytes()) <= limit


def test_the_page_holds_what_was_recorded_of_the_others() -> None:
    stated, recorded = cells(PAGE), network_results.read()
    assert {"deep-cnn", "mini-xception"} <= set(stated)
    for name, line in stated.items():
        if name in networks.NETWORKS:
            network = networks.build(name)
            row = network_rows.Row(name, model_path("default"), 0, 0)
            if name in recorded:
                row = network_rows.Row(
                    *(name, model_path("default"), 0, 0),
                    *(recorded[name].float_accuracy, recorded[name].int8_accuracy),
                )
            assert line[1] == f"{network.count_params():,}"
            assert line[2] == f"{networks.macs(network) / 1e6:.1f}"
            assert line[5:] == row.cells("")[5:]
    assert stated["mini-xception"][4] == "1.00"
    for name, result in recorded.items():
        assert result.network == name
        assert re.fullmatch(r"[0-9a-f]{64}", result.sha256)


def test_a_trained_file_is_scored_and_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.utils.set_random_seed(1)
    pictures, classes = clear_faces(840, seed=51)
    network = networks.build("tiny")
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    network.fit(pictures[..., None].astype("float32"), classes, epochs=4, verbose=0)
    network.save(tmp_path / "t.keras")
    write_record(
        tmp_path / "t.keras", {"labels": list(statistics().labels), "trained_by": "fer-train 0"}
    )
    faces, truth = clear_faces(70, seed=52)
    data = tmp_path / "faces.npz"
    np.savez(data, x_train=faces[:1], y_train=truth[:1], x_public=faces, y_public=truth)
    kept = tmp_path / "network_results.json"
    words = ["--data", str(data), "--results", str(kept), "--rounds", "5", "--networks"]
    assert network_table.main([*words, "--trained", f"tiny={tmp_path / 't.keras'}"]) == 0
    out = capsys.readouterr().out
    recorded = network_results.read(kept)["tiny"]
    assert recorded.faces == 70
    assert recorded.trained_by == "fer-train 0"
    assert recorded.command.endswith("--data faces.npz --trained tiny=t.keras")
    line = cells(out)["tiny"]
    assert line[1] == f"{network.count_params():,}"
    assert line[5:] == [
        f"{100 * share:.1f}" for share in (recorded.float_accuracy, recorded.int8_accuracy)
    ]
    assert cells(out)["mini-xception"][4:] == ["1.00", "–", "–"]
    assert cells(out)["default.tflite"][5] == "–"  # its card speaks of other data
    assert "tiny: `t.keras`, fer-train 0." in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--networks", "deepcnn"], "did you mean 'deep-cnn'?"),
        (["--trained", "deepcnn=x.keras"], "expected NAME=FILE"),
        (["--trained", "tiny"], "expected NAME=FILE"),
        (["--trained", "tiny=none.keras"], "no such file"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network_table.main(["--data", "x.npz", *words]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("table:")]
    assert said in line


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network_results.json"
    result = Result("tiny", "t.keras", "0" * 64, "", "d.npz", 1, 0.5, 0.25, "python")
    network_results.write({"tiny": result}, path)
    assert network_results.read(path) == {"tiny": result}
    assert network_results.read(tmp_path / "none.json") == {}
    for damaged in ("{", "[1]", json.dumps({"tiny": {"file": "x"}})):
        path.write_text(damaged)
        with pytest.raises(RefusedFile, match="not what the table wrote"):
            network_results.read(path)
