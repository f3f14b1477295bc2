"""Pictures of the guides: whole, told in words to whoever hears them, and in the product's own words."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from support import guides

from escrow.cli.main import cli
from escrow.cli.verbs import load
from escrow.policy.text import parse
from escrow.policy.verdict import Enforcement

GUIDES = guides.REPOSITORY / "infra/guides"
PICTURES = sorted(GUIDES.glob("*/*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
SHOWN = re.compile(r"!?\[([^\]]*)\]\(((?:pictures|plots)/[^)]+\.svg)\)")


def drawn(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def words(path: Path) -> list[str]:
    """What a picture says as words of the product."""
    return ["".join(one.itertext()) for one in drawn(path).iter() if one.get("class") == "word"]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_picture_that_says_nothing_to_whoever_cannot_see_it(path: Path) -> None:
    root = drawn(path)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    for name in ("title", "desc"):
        said = root.find(f"{SVG}{name}")
        assert said is not None, name
        assert (said.get("id"), bool((said.text or "").strip())) == (name, True)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_picture_with_text_outside_of_it_or_for_one_background_only(path: Path) -> None:
    root = drawn(path)
    _, _, width, height = (float(one) for one in (root.get("viewBox") or "").split())
    paper = root.find(f"{SVG}rect[@class='paper']")
    assert paper is not None
    assert (paper.get("width"), paper.get("height")) == (f"{width:g}", f"{height:g}")
    assert "prefers-color-scheme: dark" in "".join(root.itertext())
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x") or 0) <= width
        assert float(text.get("y") or 0) <= height


def test_picture_that_no_page_shows_and_page_that_shows_none() -> None:
    shown = {
        (page.parent / found[2]).resolve()
        for page in GUIDES.glob("*.md")
        for found in SHOWN.finditer(page.read_text())
    }
    assert shown == set(PICTURES)


def test_step_of_the_sequence_that_is_no_command() -> None:
    steps = words(GUIDES / "pictures/sequence.svg")
    assert len(steps) == 8
    for step in steps:
        verb, *inner = step.split()
        command = load(verb)
        assert command is not None, step
        if inner:
            assert isinstance(command, click.Group)
            assert command.get_command(click.Context(cli), inner[0]) is not None, step


def test_policy_of_the_picture_that_means_something_else() -> None:
    policy, *rest = words(GUIDES / "pictures/policy.svg")
    seats = [word for word in rest if not word.startswith("[")]
    assert str(parse(policy)) == policy
    assert policy == f"2 of ({', '.join(seats)})"
    assert [word for word in rest if word.startswith("[")] == [f"[{label}]" for label in Enforcement]


@pytest.mark.parametrize(
    ("script", "says"), [("bench", "--keep"), ("setup", ".venv"), ("bench", "storage against boto3")]
)
def test_script_that_does_not_say_what_it_does(script: str, says: str) -> None:
    done = subprocess.run(
        [guides.REPOSITORY / "scripts" / script, "--help"], capture_output=True, text=True, check=True
    )
    assert says in done.stdout
    assert not done.stderr
