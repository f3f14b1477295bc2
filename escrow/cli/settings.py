"""`escrow settings`: every setting of a service, for people, read out of escrow/config.py itself.

The page `infra/guides/settings.md` is what this prints; scripts/generate writes it and CI compares.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

import click

from escrow import config
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.output import answer, size

HEAD = """# Settings of a service

Each setting has one name. `escrow serve FOLDER` reads it from `FOLDER/service.toml` (TOML); without FOLDER, from the file that `ESCROW_CONFIG` names.
A variable of the environment goes before the file: `ESCROW_` and the name in capitals. A name that does not exist, or a value that cannot be meant,
stops the start and is named. Sizes are in bytes, times in seconds. `escrow service init FOLDER` writes a file to begin with, and `escrow doctor FOLDER`
looks whether machine, storage and proxy keep up with it. This page is what `escrow settings` prints.

```toml
public_url = "https://escrow.example"
store = "/srv/escrow/store"
service_identity = "/srv/escrow/identity"
```
"""  # noqa: E501
_KINDS = {"str": "text", "int": "whole number", "float": "seconds", "Path": "file"}


@click.command(cls=Verb)
@pass_app
def settings(app: App) -> None:
    """Print every setting of a service: meaning, default, bounds, variable."""
    rows = [_row(name, field, text) for name, field, text in _settings()]
    answer(app, _page(rows), {"settings": rows})


def _settings() -> Iterator[tuple[str, "Field[Any]", str]]:
    """Name in the file, field, and docstring; those of S3 after `store`, which they stand for."""
    texts = _docstrings()
    for field in fields(config.Settings):
        yield field.name, field, texts["Settings", field.name]
        if field.name == "store":
            for inner in fields(config.S3Settings):
                yield f"s3_{inner.name}", inner, texts["S3Settings", inner.name]


def _docstrings() -> dict[tuple[str, str], str]:
    """The text under each field of each class."""
    found: dict[tuple[str, str], str] = {}
    for kind in ast.parse(inspect.getsource(config)).body:
        if not isinstance(kind, ast.ClassDef):
            continue
        for field, text in zip(kind.body, kind.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                told = text.value if isinstance(text, ast.Expr) else None
                if not isinstance(told, ast.Constant) or not isinstance(told.value, str):
                    raise TypeError(f"{kind.name}.{field.target.id} has no docstring")
                found[kind.name, field.target.id] = _for_people(told.value)
    return found


def _for_people(docstring: str) -> str:
    """Who writes settings knows no None."""
    return inspect.cleandoc(docstring).replace("; None: ", "; left out: ").replace("None", "Left out")


def _row(name: str, field: "Field[Any]", text: str) -> dict[str, Any]:
    annotation = str(getattr(field.type, "__name__", field.type)).removesuffix(" | None")
    needed = field.default is MISSING
    least, most = config.bounds(name) or (None, None)
    return {
        "name": name, "variable": f"ESCROW_{name.upper()}", "kind": _kind(name, annotation),
        "needed": needed, "default": None if needed else field.default, "least": least, "most": most,
        "meaning": text,
    }  # fmt: skip


def _kind(name: str, annotation: str) -> str:
    if name == "store":
        return "folder"
    return _KINDS.get(annotation.rpartition(".")[2], "list of text")


def _page(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield from HEAD.splitlines()
    for row in rows:
        facts = [f"`{row['variable']}`", row["kind"], _default(row)]
        if row["least"] is not None:
            facts.append(f"from {_number(row, row['least'])} to {_number(row, row['most'])}")
        yield ""
        yield f"## {row['name']}"
        yield ""
        yield f"{', '.join(facts)}."
        yield ""
        yield from row["meaning"].splitlines()


def _default(row: dict[str, Any]) -> str:
    if row["name"] in ("store", "s3_endpoint"):
        return "one of `store` and `s3_endpoint` is needed"
    if row["needed"]:
        return "needed"
    value = row["default"]
    if value is None:
        return "may be left out"
    return f"by default `{value}`" if isinstance(value, str) else f"by default {_number(row, value)}"


def _number(row: dict[str, Any], value: float) -> str:
    plain = f"{value:g}" if isinstance(value, float) else str(value)
    if not row["name"].removesuffix("_per_card").endswith("_bytes") or value < config.MIB:
        return plain
    return f"{plain} ({size(int(value))})"
