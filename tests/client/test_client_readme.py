"""The README's example runs as it stands, against the real service."""

import re
from functools import partial
from pathlib import Path

from support.build import URL
from support.office import Office
from support.wsgi_transport import WsgiTransport

import escrow.client
from escrow.client import HttpCourier


def test_example_of_the_readme_runs(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    readme = Path(escrow.client.__file__).with_name("README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "office").mkdir()
    office = Office(tmp_path / "office")
    office.clock.now = escrow.client.clock.now_utc()
    transport = WsgiTransport(office.app)
    monkeypatch.setattr(escrow.client, "HttpCourier", partial(HttpCourier, transport=transport))
    document = tmp_path / "agreement.pdf"
    document.write_bytes(b"%PDF We agree.")
    names = {"URL": URL, "HOME": tmp_path / "homes", "DOCUMENT": document, "OUT": tmp_path / "opened.pdf"}
    exec(compile(example, "README.md", "exec"), names)
    assert (tmp_path / "opened.pdf").read_bytes() == b"%PDF We agree."
    assert "GET /v1/service" in transport.asked
