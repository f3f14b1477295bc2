"""What the OpenAPI document promises, a line each, to see whether a later document breaks any of it.

`infra/openapi.promised.txt` holds the lines of the last release. It is made anew at each release, never for a
change in between:  PYTHONPATH=tests .venv/bin/python -m support.promises
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from escrow.api.document import operations

KEPT = Path("infra/openapi.promised.txt")
DOCUMENT = Path("infra/openapi.json")

Json = dict[str, Any]


def broken(document: Json, promised: set[str]) -> list[str]:
    """Promises that this document does not keep."""
    now = set(promises(document))
    known = {line.partition(" ")[2] for line in promised if line.startswith("operation ")}
    more = {line for line in now - promised if line.startswith("demand ") and _operation(line) in known}
    return sorted(promised - now) + sorted(f"new {line}" for line in more)


def _operation(line: str) -> str:
    return " ".join(line.split(" ")[1:3])


def promises(document: Json) -> Iterator[str]:
    """`operation`, `answer`, `parameter`, `field` stay; of what is `demand`ed nothing is added."""
    for path, method, operation in operations(document):
        name = f"{method.upper()} {path}"
        yield f"operation {name}"
        yield f"named {name} {operation['operationId']}"
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                for media, found in response.get("content", {"-": {}}).items():
                    yield f"answer {name} {status} {media} {_type(found.get('schema', {}))}"
        item = document["paths"][path]
        for parameter in (*item.get("parameters", ()), *operation.get("parameters", ())):
            said = f"{name} {parameter['in']} {parameter['name']} {_type(parameter['schema'])}"
            yield f"parameter {said}"
            if parameter.get("required"):
                yield f"demand {said}"
        for media, found in operation.get("requestBody", {}).get("content", {}).items():
            yield f"body {name} {media} {_type(found['schema'])}"
            shape = document["components"]["schemas"].get(_type(found["schema"]), {})
            for field in shape.get("required", ()):
                yield f"demand {name} body {field}"
        if operation.get("security") and {} not in operation["security"]:
            yield f"demand {name} token"
    for name, schema in document["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            must = " always" if field in schema.get("required", ()) else ""
            yield f"field {name} {field} {_type(shape)}{must}"


def _type(schema: Json) -> str:
    """A schema's name, or its JSON type and what it is a list of."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return "|".join(_type(each) for each in schema["anyOf"])
    kinds = schema.get("type", "any")
    kind = kinds if isinstance(kinds, str) else "|".join(kinds)
    return f"{kind}[{_type(schema['items'])}]" if "items" in schema else kind


if __name__ == "__main__":
    KEPT.write_text("".join(f"{line}\n" for line in sorted(promises(json.loads(DOCUMENT.read_text())))))
