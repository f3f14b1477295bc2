"""The page of the API: everything that the document says, and nothing that a browser would act upon."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.office import Office

from escrow.api.document import operations
from escrow.web.docs import docs_page, type_of

VOID = {"meta", "link"}


class Reader(HTMLParser):
    """Tags that are open, ids, links, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def document(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = office.get("/v1/openapi.json").get_json()
    return found


@pytest.fixture(scope="module")
def page(office: Office) -> Reader:
    return Reader(office.get("/v1/docs").text)


def test_page_shows_every_route_parameter_status_code_and_example(
    document: dict[str, Any], page: Reader
) -> None:
    for path, method, operation in operations(document):
        assert operation["operationId"] in page.ids
        assert f"{method.upper()} {path}" in page.text
        for parameter in operation.get("parameters", ()):
            assert parameter["name"] in page.text
        for status, response in operation["responses"].items():
            assert f"{status} " in page.text
            for code in response.get("x-codes", ()):
                assert f"code-{code}" in page.ids
            for media in response.get("content", {}).values():
                if "example" in media:
                    assert json.dumps(media["example"], indent=2, ensure_ascii=False) in page.text
    for name, schema in document["components"]["schemas"].items():
        assert f"schema-{name}" in page.ids
        assert all(field in page.text for field in schema.get("properties", ()))
    for problem in document["x-problems"].values():
        assert f"{problem['detail']} {problem['remedy']}" in page.text


def test_every_link_of_the_page_leads_somewhere(office: Office, page: Reader) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for link in set(page.links):
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert office.get(link).status_code == 200, link


def test_page_has_no_script_no_style_of_its_own_and_nothing_from_elsewhere(
    office: Office, page: Reader
) -> None:
    assert not page.tags & {"script", "style", "iframe", "img", "form", "input", "object", "base"}
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert all(link.startswith(("#", "/v1/")) for link in page.links)
    assert "url(" not in office.get("/v1/docs/style.css").text
    assert "@import" not in office.get("/v1/docs/style.css").text


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/docs/style.css", "/v1/openapi.json"])
def test_browser_is_told_to_run_and_fetch_nothing_else(office: Office, path: str) -> None:
    answer = office.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = office.get(path, If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/openapi.json"])
@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("", False), ("br", False)],
)
def test_who_can_take_it_gets_it_compressed(office: Office, path: str, accepts: str, packed: bool) -> None:
    import gzip

    plain = office.get(path).data
    answer = office.get(path, Accept_Encoding=accepts)
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert (gzip.decompress(answer.data) if packed else answer.data) == plain
    if packed:
        assert len(answer.data) < 64 * 1024, "no long transfer"


def test_words_that_look_like_html_are_shown_as_words(document: dict[str, Any]) -> None:
    bad = '<script>alert("x")</script>'
    spoilt = json.loads(json.dumps(document))
    spoilt["info"]["description"] = f"{bad}\n\n`{bad}`"
    spoilt["x-problems"]["not_found"]["detail"] = bad
    schema = spoilt["components"]["schemas"]["Case"]
    schema["description"] = bad
    schema["properties"][bad] = {"type": bad, "description": bad}
    found = docs_page(spoilt)
    assert "script" not in Reader(found).tags
    assert found.count("&lt;script&gt;") >= 6


def test_readers_with_a_narrow_screen_get_one_column(office: Office) -> None:
    style = office.get("/v1/docs/style.css").text
    assert (
        '<meta name="viewport" content="width=device-width, initial-scale=1">' in office.get("/v1/docs").text
    )
    wide = re.search(r"@media \(min-width: 62rem\)", style)
    assert wide is not None
    assert "grid" not in style[: wide.start()]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "integer, from 1 to 200, else 50"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Record"}}, "list of Record"),
        ({"type": "string", "enum": ["a", "b"]}, "text, one of a b"),
        ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "text, of the form ^[0-9a-f]{64}$"),
        ({"anyOf": [{"$ref": "#/components/schemas/Head"}, {"type": "null"}]}, "Head or null"),
        ({"$ref": "#/components/schemas/Head"}, "Head"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_of(schema) == words


def test_style_sheet_is_in_the_package() -> None:
    import escrow.web

    assert (Path(escrow.web.__file__).parent / "static/style.css").stat().st_size > 500
