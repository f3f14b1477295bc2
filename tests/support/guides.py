"""The documents of this repository and the blocks in them: which are commands, and which are only shown.

A block is fenced and names its language: `sh` and `python` are commands, run in order by one shell for each
document; SHOWN are not. Right above commands that cannot be run where this is built stands
`<!-- not run: REASON -->`. What stands in `text printed` the commands above it print, with `…` for what
differs each time; lines may be left out. Near the top of a document that needs more than bash
`<!-- runs: minio jq -->`, and of one that has a test of its own `<!-- run by: tests/... -->`. Anything else
is a fault (`faults`). typist.py runs them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]
COMMANDS = ("sh", "python")
SHOWN = ("toml", "json", "text", "text printed", "mermaid")
NOT_RUN = re.compile(r"<!-- not run:(.*?)-->", re.DOTALL)
RUN_BY = re.compile(r"^<!-- run by: (tests/[a-z0-9_/]+\.py) -->$", re.MULTILINE)
RUNS = re.compile(r"^<!-- runs: ([a-z0-9 -]+) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`line`: of its first command, from 1. `section`: the heading above. `fenced`: or indented. `not_run`:
    the reason, where it is marked so.
    """

    line: int
    section: str
    language: str
    text: str
    fenced: bool = True
    not_run: str | None = None

    @property
    def is_command(self) -> bool:
        return self.language in COMMANDS and self.not_run is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`name`: its place in the repository. `needs`: programs. `runner`: the test that runs it, where it has
    one of its own. `stray`: lines of marks that stand above no block.
    """

    name: str
    needs: tuple[str, ...]
    runner: str | None
    blocks: tuple[Block, ...]
    stray: tuple[int, ...] = ()

    def commands(self, section: str) -> str:
        """All that is to be typed in one section."""
        return "\n".join(block.text for block in self.blocks if block.is_command and block.section == section)

    def faults(self) -> Iterator[str]:
        """What nobody would know how to treat."""
        for block in self.blocks:
            where = f"{self.name}:{block.line}"
            if not block.fenced:
                yield f"{where}: an indented block; fence it and name its language"
            elif block.language not in COMMANDS + SHOWN:
                yield f"{where}: language {block.language!r}; run are {COMMANDS}, shown {SHOWN}"
            elif block.not_run is not None and block.language not in COMMANDS:
                yield f"{where}: marked as not run, and is none of the commands"
            elif block.not_run == "":
                yield f"{where}: not run, for no reason"
        for line in self.stray:
            yield f"{self.name}:{line}: `not run` stands right above no block"


def unprinted(document: Document, output: str) -> Iterator[str]:
    """Lines that the document says are printed and that its commands did not print, or in another order."""
    said = iter(())
    for block in document.blocks:
        if block.is_command:
            _, _, after = output.partition(f"== {document.name}:{block.line}\n")
            said = iter(after.partition(f"\n== {document.name}:")[0].splitlines())
        elif block.language == "text printed":
            for number, line in enumerate(block.text.splitlines()):
                pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
                if not any(pattern.fullmatch(one) for one in said):
                    yield f"{document.name}:{block.line + number}: not printed: {line}"


def pages() -> list[Path]:
    """Every page of this repository, but for the decisions, which are history."""
    found = [*REPOSITORY.glob("*.md")]
    for room in ("escrow", "infra", "tests"):
        found += (REPOSITORY / room).rglob("*.md")
    return sorted(page for page in found if "decisions" not in page.parts)


def documents() -> list[Document]:
    return [read(page.relative_to(REPOSITORY).as_posix(), page.read_text()) for page in pages()]


def read(name: str, text: str) -> Document:
    blocks: list[Block] = []
    stray: list[int] = []
    reason: str | None = None
    mark, section = 0, ""
    tokens = MarkdownIt("commonmark").parse(text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            section = tokens[at + 1].content
        if token.type in ("fence", "code_block"):
            blocks.append(_block(token, section, reason))
            reason = None
        elif reason is not None:
            stray.append(mark)
            reason = None
        if token.type == "html_block" and (found := NOT_RUN.search(token.content)):
            reason, mark = " ".join(found[1].split()), _line(token)
    if reason is not None:
        stray.append(mark)
    needs, runner = RUNS.search(text), RUN_BY.search(text)
    return Document(
        name=name, needs=tuple(needs[1].split()) if needs else (), runner=runner[1] if runner else None,
        blocks=tuple(blocks), stray=tuple(stray),
    )  # fmt: skip


def _block(token: Token, section: str, not_run: str | None) -> Block:
    fenced = token.type == "fence"
    return Block(
        line=_line(token) + fenced, section=section, language=token.info.strip(), text=token.content,
        fenced=fenced, not_run=not_run,
    )  # fmt: skip


def _line(token: Token) -> int:
    assert token.map is not None, token.type
    return token.map[0] + 1


def not_run() -> list[str]:
    """A line for each block of commands that no test runs."""
    return [
        f"{document.name}:{block.line}: {block.not_run}"
        for document in documents()
        for block in document.blocks
        if block.not_run is not None
    ]
