"""Find every error that escrow/ can raise, by reading the source: code, family and names of its fields.

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


Helper = tuple[ast.Call, int, str]
"""The call that makes the error; which argument of the helper is the code, by position and by name."""


def collect() -> list[Raised]:
    trees = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
    helpers = _helpers(list(trees.values()))
    return [found for path, tree in trees.items() for found in _of_file(path, tree, helpers)]


def _of_file(path: Path, tree: ast.Module, helpers: dict[str, Helper]) -> Iterator[Raised]:
    named = _named(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if name in FAMILIES and node.args:
            for code in _constants(node.args[0], named):
                yield Raised(code, name, _keywords(node), _is_open(node), where)
        elif name in helpers:
            made, _, _ = helpers[name]
            for code in _constants(_given(node, helpers[name]), named):
                yield Raised(code, _name(made.func) or "", _keywords(made), _is_open(made), where)


def _helpers(trees: list[ast.Module]) -> dict[str, Helper]:
    """Functions that pass a parameter of their own on as a code, straight or through another of them."""
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found: dict[str, Helper] = {}
    while True:
        before = len(found)
        for function in functions:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and function.name not in found:
                    found |= _helper(function, call, found)
        if len(found) == before:
            return found


def _helper(function: ast.FunctionDef, call: ast.Call, known: dict[str, Helper]) -> dict[str, Helper]:
    name = _name(call.func)
    if name in FAMILIES and call.args:
        code, made = call.args[0], call
    elif name in known:
        given, made = _given(call, known[name]), known[name][0]
        if given is None:
            return {}
        code = given
    else:
        return {}
    parameters = [arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)]
    if not isinstance(code, ast.Name) or code.id not in parameters:
        return {}
    position = parameters.index(code.id) - (1 if parameters[0] in ("self", "cls") else 0)
    return {function.name: (made, position, code.id)}


def _given(call: ast.Call, helper: Helper) -> ast.expr | None:
    """What a call hands to a helper as the code."""
    _, position, parameter = helper
    if len(call.args) > position:
        return call.args[position]
    return next((word.value for word in call.keywords if word.arg == parameter), None)


def _named(tree: ast.Module) -> dict[str, str]:
    """Texts that a module gives a name, such as FALSE = "dealing_proof_false"."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def _constants(node: ast.expr | None, named: dict[str, str]) -> Iterator[str]:
    """The texts that an expression may be: itself, a named one, or either branch of a conditional."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id in named:
        yield named[node.id]
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body, named)
        yield from _constants(node.orelse, named)


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _keywords(node: ast.Call) -> frozenset[str]:
    return frozenset(word.arg for word in node.keywords if word.arg is not None)


def _is_open(node: ast.Call) -> bool:
    return any(word.arg is None for word in node.keywords)
