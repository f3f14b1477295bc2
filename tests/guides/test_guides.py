"""Every command block of every document is run as it stands, or is marked with the reason why not.

A run prints those at its end (conftest.py). And: what the reader of blocks and their typist must refuse.
"""

import re
import subprocess
import time
from pathlib import Path

import pytest
from support import guides, typist
from support.guides import Document

pytestmark = pytest.mark.timeout(300)
ADMINISTRATOR = "infra/guides/administrator.md"
DOCUMENTS = guides.documents()
TYPED = [one for one in DOCUMENTS if one.runner is None and any(block.is_command for block in one.blocks)]


@pytest.mark.parametrize("document", TYPED, ids=lambda one: one.name)
def test_command_that_does_not_work_as_written(document: Document, tmp_path: Path) -> None:
    typist.require_all(document)
    done = typist.type_in(document, tmp_path)
    assert done.returncode == 0, f"after {done.stdout[-3000:]}"
    assert not list(guides.unprinted(document, done.stdout)), done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_block_that_is_neither_run_nor_shown(document: Document) -> None:
    assert not list(document.faults())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Words:\n\n    escrow keygen\n", "page.md:3: an indented block"),
        ("```\nescrow keygen\n```\n", "page.md:2: language ''"),
        ("- a list\n\n  ```console\n  $ escrow keygen\n  ```\n", "page.md:4: language 'console'"),
        ("<!-- not run: -->\n```sh\ntrue\n```\n", "page.md:3: not run, for no reason"),
        ("<!-- not run: it is large -->\n```json\n{}\n```\n", "page.md:3: marked as not run"),
        ("<!-- not run: no Docker -->\nWords.\n\n```sh\ntrue\n```\n", "page.md:1: `not run` stands"),
        ("<!-- not run: no Docker -->\n", "page.md:1: `not run` stands"),
    ],
)
def test_block_of_which_nobody_knows_how_to_treat_it(text: str, fault: str) -> None:
    (found,) = guides.read("page.md", text).faults()
    assert found.startswith(fault)


def test_block_that_is_not_run_and_not_counted() -> None:
    text = "<!-- not run: no Docker\nengine here -->\n```sh\nfalse\n```\n\n```sh\ntrue\n```\n"
    page = guides.read("page.md", text)
    assert [block.not_run for block in page.blocks] == ["no Docker engine here", None]
    assert "false" not in typist.script(page)
    marks = sum(page.read_text().count("\n<!-- not run:") for page in guides.pages())
    assert len(guides.not_run()) == marks


def test_page_that_says_another_test_runs_it_and_none_does() -> None:
    for page in DOCUMENTS:
        if page.runner is not None:
            assert f'"{page.name}"' in (guides.REPOSITORY / page.runner).read_text(), page.name


def test_alert_that_the_administrators_guide_does_not_answer() -> None:
    alerts = re.findall(r"- alert: (\w+)", (guides.REPOSITORY / "infra/alerts.yml").read_text())
    answered = re.findall(r"(?m)^\| `(Escrow\w+)` \|", (guides.REPOSITORY / ADMINISTRATOR).read_text())
    assert alerts == answered != []


@pytest.mark.parametrize(
    ("printed", "missing"),
    [
        ("one …\nthree\n", []),
        ("three\none 1\n", ["page.md:6: not printed: one 1"]),
        ("one\n", ["page.md:5: not printed: one"]),
        ("four\n", ["page.md:5: not printed: four"]),
    ],
)
def test_text_that_no_command_prints(printed: str, missing: list[str]) -> None:
    page = guides.read("page.md", f"```sh\ntrue\n```\n```text printed\n{printed}```\n```sh\ntrue\n```\n")
    assert list(guides.unprinted(page, "== page.md:2\none 1\ntwo\nthree\n== page.md:8\nfour\n")) == missing


SPEAKS = """
```sh
export PATH="$PWD/.venv/bin:$PATH" WORD=said
```

```python
import os

print(os.environ["WORD"], "here")
print(os.environ["NONE"])
```

```sh
echo after
```
"""


def test_failing_command_stops_the_page_and_is_named(tmp_path: Path) -> None:
    page = guides.read("page.md", SPEAKS)
    typist.require_all(page)
    done = typist.type_in(page, tmp_path)
    assert done.returncode != 0
    assert "said here" in done.stdout  # what one block exports the next one knows
    assert "KeyError: 'NONE'" in done.stdout
    assert "== page.md:7" in done.stdout
    assert "after" not in done.stdout


def test_page_that_is_cut_off_leaves_nothing_running(tmp_path: Path) -> None:
    page = guides.read("page.md", f"```sh\nsleep 3600.25 &\ntouch {tmp_path}/began\nwait\n```\n")
    typist.require_all(page)
    with pytest.raises(subprocess.TimeoutExpired):
        typist.type_in(page, tmp_path, patience_s=0.5)
    assert (tmp_path / "began").exists()
    deadline = time.monotonic() + 10
    while (left := _sleepers()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def _sleepers() -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if "sleep 3600.25" in line]
