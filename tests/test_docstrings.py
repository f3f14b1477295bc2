"""Whoever meets a public name in an inner room is told what it is, without reading its code."""

import ast
from pathlib import Path

import pytest

import escrow

ROOMS = ("crypto", "policy", "model", "ledger", "store", "client")
PACKAGE = Path(escrow.__file__).parent


@pytest.mark.parametrize("room", ROOMS)
def test_public_function_class_or_module_of_which_nothing_is_said(room: str) -> None:
    silent = []
    for path in sorted((PACKAGE / room).rglob("*.py")):
        module = ast.parse(path.read_text())
        named = [one for one in module.body if isinstance(one, ast.FunctionDef | ast.ClassDef)]
        public = [one for one in named if not one.name.startswith("_")]
        if module.body and not ast.get_docstring(module):
            silent.append(path.name)
        silent += [f"{path.name}: {one.name}" for one in public if not ast.get_docstring(one)]
    assert silent == []
