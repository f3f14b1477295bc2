"""The OpenAPI document as a page for people: server-rendered, without script, fit for a phone.

Knows the document and nothing else: what is not in it is not on the page. The template loops and prints; how
things read is settled here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No script, nothing from elsewhere, in nobody's frame."""
OF_EVERY_ANSWER = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
"""Headers that are told once, and not with each answer."""
METHODS = ("get", "put", "post", "delete")

Json = Mapping[str, Any]

_PAGES = Environment(
    loader=PackageLoader("escrow.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def style() -> bytes:
    """The style sheet of every page."""
    return files("escrow.web").joinpath("static/style.css").read_bytes()


def docs_page(document: Json) -> str:
    """HTML."""
    return _PAGES.get_template("docs.html").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        about=paragraphs(document["info"]["description"]),
        groups=groups(document),
        schemas=schemas(document),
        headers=[
            {"name": name, "about": inline(header["description"])}
            for name, header in document["components"]["headers"].items()
        ],
        problems=document["x-problems"].values(),
    )


def groups(document: Json) -> list[dict[str, Any]]:
    """Operations by tag, in the document's order."""
    found = [
        {"name": tag["name"], "about": tag.get("description", ""), "operations": []}
        for tag in document.get("tags", ())
    ]
    by_name = {group["name"]: group for group in found}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = _operation(document, path, method, item)
                by_name[item[method]["tags"][0]]["operations"].append(operation)
    return found


def _operation(document: Json, path: str, method: str, item: Json) -> dict[str, Any]:
    operation = item[method]
    security = operation.get("security", [])
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": inline(operation.get("summary", "")),
        "about": paragraphs(operation.get("description", "")),
        "token": "" if not security else "if you are to see more" if {} in security else "needed",
        "parameters": [
            _parameter(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))
        ],
        "body": _media(operation.get("requestBody", {}).get("content", {})),
        "responses": [
            _response(status, response) for status, response in sorted(operation["responses"].items())
        ],
    }


def _parameter(parameter: Json) -> dict[str, Any]:
    schema = parameter["schema"]
    return {
        "name": parameter["name"],
        "where": {"path": "in the address", "query": "query", "header": "header"}[parameter["in"]],
        "type": type_of(schema),
        "about": inline(parameter.get("description", "")),
        "required": parameter.get("required", False),
    }


def _response(status: str, response: Json) -> dict[str, Any]:
    return {
        "status": status,
        "phrase": HTTPStatus(int(status)).phrase,
        "about": inline(response.get("description", "")),
        "headers": [name for name in response.get("headers", {}) if name not in OF_EVERY_ANSWER],
        "codes": response.get("x-codes", ()),
        **_media(response.get("content", {})),
    }


def _media(content: Json) -> dict[str, Any]:
    """What a body is: `media` type, `schema` by name or None, `example` as text or None."""
    for media, found in content.items():
        example = found.get("example")
        return {
            "media": media,
            "schema": reference(found.get("schema", {})),
            "example": None if example is None else json.dumps(example, indent=2, ensure_ascii=False),
        }
    return {"media": None, "schema": None, "example": None}


def schemas(document: Json) -> list[dict[str, Any]]:
    """Shapes of bodies, each with its fields."""
    return [
        {
            "name": name,
            "about": inline(schema.get("description", "")),
            "fields": [
                {
                    "name": field,
                    "type": type_of(shape),
                    "schema": reference(shape) or reference(shape.get("items", {})),
                    "required": field in schema.get("required", ()),
                    "about": inline(shape.get("description", "")),
                }
                for field, shape in schema.get("properties", {}).items()
            ],
        }
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def reference(schema: Json) -> str | None:
    """The name of the schema that this one refers to."""
    for each in (schema, *schema.get("allOf", ()), *schema.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return None


def type_of(schema: Json) -> str:
    """In words: `text, 64 of 0-9 a-f`, `list of Record`, `integer 1 to 200, else 50`."""
    if (name := reference(schema)) is not None:
        return name + (" or null" if {"type": "null"} in schema.get("anyOf", ()) else "")
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [_kind(kind, schema) for kind in kinds]
    return " or ".join(words) + ", ".join(["", *_bounds(schema)])


def _kind(kind: str, schema: Json) -> str:
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return {"string": "text", "object": "object of plain facts"}.get(kind, kind)


def _bounds(schema: Json) -> Iterator[str]:
    if "enum" in schema:
        yield "one of " + " ".join(str(each) for each in schema["enum"])
    if "minimum" in schema or "maximum" in schema:
        yield f"from {schema.get('minimum', '')} to {schema.get('maximum', '')}"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']} characters"
    if "pattern" in schema:
        yield f"of the form {schema['pattern']}"
    if "default" in schema and schema["default"] not in (None, ""):
        yield f"else {schema['default']}"


def paragraphs(text: str) -> list[Markup]:
    return [inline(" ".join(part.split())) for part in text.split("\n\n") if part.strip()]


def inline(text: str) -> Markup:
    """`code` between backticks; all else is text."""
    parts = re.split(r"`([^`]*)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )
