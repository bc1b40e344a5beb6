"""What is said where an optional library is missing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge.extras import REQUIREMENTS, installing
from tests.conftest import ROOT

LIBRARY = Path("/opt/fer-edge/lib")


@pytest.mark.parametrize("extra", REQUIREMENTS)
def test_what_is_installed_is_what_the_extra_has(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [line.partition(";")[0] for line in project["optional-dependencies"][extra]]
    assert {*REQUIREMENTS[extra]} <= {*declared}


def test_the_line_fits_how_the_program_was_installed() -> None:
    wanted = "'jinja2>=3.1' 'vl-convert-python>=1.8'"
    package = installing("report", LIBRARY, "/usr")
    pip = f"sudo /usr/bin/python3 -m pip install --target /opt/fer-edge/lib {wanted}"
    assert package == f"sudo apt install python3-pip && {pip}"
    environment = installing("report", LIBRARY / "python3.11/site-packages", "/opt/fer-edge")
    assert environment == f"sudo /opt/fer-edge/bin/pip install {wanted}"
    assert installing("report") == "in a checkout of this project: pip install '.[report]'"


def test_the_lines_are_those_of_the_documentation() -> None:
    documented = (ROOT / "docs" / "report.md").read_text()
    for place, prefix in ((LIBRARY, "/usr"), (LIBRARY / "site-packages", "/opt/fer-edge")):
        assert installing("report", place, prefix).rpartition(" && ")[2] in documented
