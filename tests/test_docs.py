"""The documents: the tree is what there is, what they name exists, and they stay readable."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from edge.messaging.discovery import Device, Features, components
from edge.messaging.topics import TOPICS, Direction
from edge.records import AlertEvent
from tests.conftest import ROOT
from tests.support.tree import PAGE, stated, tree

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "tests" / "systems" / "README.md",
]
ROOMS = sorted(
    path for package in ("edge", "convert") for path in (ROOT / package).glob("*/__init__.py")
)
LINE, README_LINES = 120, 150
_PATH = re.compile(
    r"(?<![\w/.-])((?:edge|convert|tests|systemd|docs)/[\w./-]*\w\.(?:py|md|sh|service|toml))\b"
)
_LINK = re.compile(r"\]\(([^)#]*)#?([^)]*)\)")
_NAME = re.compile(r"`([A-Za-z_]+)`,? (?:\(|in |of )`((?:edge|convert|tests)/[\w/]+\.py)`")
_CODE = re.compile(r"^```.*?^```", re.M | re.S)


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_the_tree_lists_every_package_and_module() -> None:
    assert stated(PAGE.read_text()) == tree(), "run: python -m tests.support.tree"


def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    named = [ROOT / path for path in _PATH.findall(text)]
    linked = [document.parent / link for link, _ in _LINK.findall(text) if "://" not in link]
    assert not [str(path) for path in {*named, *linked} if not path.exists()]


def test_what_a_document_finds_in_a_module_is_there(document: Path) -> None:
    found = _NAME.findall(" ".join(document.read_text().split()))
    words = {path: set(re.findall(r"\w+", (ROOT / path).read_text())) for _, path in found}
    assert not [f"{name} in {path}" for name, path in found if name not in words[path]]


def test_links_to_a_heading_find_it(document: Path) -> None:
    assert not [
        f"{link}#{heading}"
        for link, heading in _LINK.findall(document.read_text())
        if heading and "://" not in link
        if heading not in headings(document.parent / link if link else document)
    ]


def headings(document: Path) -> list[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", _CODE.sub("", document.read_text()), re.M)
    return [re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines]


@pytest.mark.parametrize(
    "room", ROOMS, ids=lambda path: f"{path.parent.parent.name}.{path.parent.name}"
)
def test_a_room_says_what_to_read_first(room: Path) -> None:
    """And each name in its docstring that could be a module's is one of its modules."""
    text = ast.get_docstring(ast.parse(room.read_text())) or ""
    assert "\n\nRead first: `" in text
    named = re.findall(r"`([a-z_0-9]+)`", text)
    assert not [name for name in named if not (room.parent / f"{name}.py").exists()]


def test_no_line_is_longer_than_a_window(document: Path) -> None:
    """A table's row cannot be broken."""
    lines = enumerate(document.read_text().splitlines(), 1)
    assert not [n for n, line in lines if len(line) > LINE and not line.startswith("|")]


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_mqtt_topics_are_those_of_the_code() -> None:
    """The table of docs/mqtt.md against the one that the publisher sends by."""
    rows = re.findall(
        r"^\| `([\w/<>]+)` \|.*\| (\d) \| (yes|no) \|$",
        (ROOT / "docs" / "mqtt.md").read_text(),
        re.M,
    )
    published = [topic for topic in TOPICS if topic.direction is Direction.PUBLISHED]
    assert sorted(rows) == sorted(
        (
            topic.of("", "<name>", "<id>").removeprefix("/"),
            str(topic.qos),
            "yes" if topic.retained else "no",
        )
        for topic in published
    )


def test_the_page_on_home_assistant_names_every_entity() -> None:
    text = (ROOT / "docs" / "home-assistant.md").read_text()
    features = Features(
        ("sad",), ("negative",), ("blind",), temperature=True, throttled=True, most={"negative": 9}
    )
    shown = components(Device("1f3a9c20", "living-room", "fer-edge/living-room"), features)
    names = {str(each["name"]) for each in shown.values() if "name" in each}
    general = {re.sub(r"(Alert |alert |\()(negative|blind)", r"\1NAME", name) for name in names}
    assert not [name for name in general if name not in text]
    ids = [str(each.get("def_ent_id")) for each in shown.values()]
    (example,) = re.findall(r"^    alert: (\S+)$", text, re.M)
    card = re.findall(r"^  - (\w+\.living_room_\w+)$", text, re.M)
    assert len(card) == 6
    assert {example, *card} <= set(ids)


def test_the_blueprint_runs_once_per_event() -> None:
    """Not when the entity is unavailable, or shows its last event again after that.

    What Home Assistant's documentation says of the state trigger's `not_from` and `not_to`.
    """
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[name-defined, misc]
        """Reads `!input NAME` as the pair of both."""

    Loader.add_constructor("!input", lambda _, node: ("input", node.value))
    path = ROOT / "docs" / "blueprints" / "fer_edge_alert.yaml"
    blueprint = yaml.load(path.read_text(), Loader)
    (trigger,) = blueprint["triggers"]
    assert trigger["entity_id"] == ("input", "alert")
    assert trigger["not_from"] == ["unavailable"], "the first event comes from unknown"
    assert set(trigger["not_to"]) == {"unavailable", "unknown"}
    _, choice = blueprint["actions"]
    choices = {each["sequence"]: each["conditions"] for each in choice["choose"]}
    assert choices == {
        ("input", event.value): f"{{{{ happened == '{event.value}' }}}}" for event in AlertEvent
    }
    inputs = {"alert", *(event.value for event in AlertEvent)}
    assert set(blueprint["blueprint"]["input"]) == inputs
