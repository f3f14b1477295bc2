"""Find every error that escrow/ can raise, by reading the source: code, family, and the names of its fields.

Seen are calls of an error class with a constant code, and calls with a constant code of a function (or
lambda's enclosing helper) that passes its own parameter on as the code, such as `refuse("token_stale")`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import escrow
from escrow import errors

ROOT = Path(escrow.__file__).parent
FAMILIES = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.EscrowError)
}


@dataclass(frozen=True)
class Raised:
    """One place where an error is made. `open_fields`.

    It passes on fields that cannot be read off the source.
    """

    code: str
    family: str
    fields: frozenset[str]
    open_fields: bool
    where: str


def collect() -> list[Raised]:
    return [found for path in sorted(ROOT.rglob("*.py")) for found in _of_file(path)]


def _of_file(path: Path) -> Iterator[Raised]:
    tree = ast.parse(path.read_text())
    helpers = {name: made for function in _functions(tree) for name, made in _helper(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if name in FAMILIES and node.args:
            for code in _constants(node.args[0]):
                yield Raised(code, name, _keywords(node), _is_open(node), where)
        elif name in helpers:
            made, position, parameter = helpers[name]
            given = node.args[position] if len(node.args) > position else None
            given = given or next((word.value for word in node.keywords if word.arg == parameter), None)
            for code in _constants(given):
                yield Raised(code, _name(made.func) or "", _keywords(made), _is_open(made), where)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _helper(function: ast.FunctionDef) -> Iterator[tuple[str, tuple[ast.Call, int, str]]]:
    """A function one of whose parameters is the code of an error that it makes."""
    parameters = [arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)]
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or _name(node.func) not in FAMILIES or not node.args:
            continue
        code = node.args[0]
        if isinstance(code, ast.Name) and code.id in parameters:
            position = parameters.index(code.id) - (1 if parameters[0] in ("self", "cls") else 0)
            yield function.name, (node, position, code.id)


def _constants(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression may be: itself, or either branch of a conditional."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _keywords(node: ast.Call) -> frozenset[str]:
    return frozenset(word.arg for word in node.keywords if word.arg is not None)


def _is_open(node: ast.Call) -> bool:
    return any(word.arg is None for word in node.keywords)
