"""An office, and parties who speak HTTP to it in this process."""

from pathlib import Path

from client.honest import accepted
from support.build import URL, Clock, party
from support.office import Office
from support.wsgi_transport import WsgiTransport

from escrow.client import HttpCourier, Memory, Session
from escrow.store.interface import Store


class Town:
    """`store` None: the office keeps a folder of its own."""

    def __init__(self, folder: Path, *, store: Store | None = None) -> None:
        self.folder = folder
        (folder / "office").mkdir()
        self.office = Office(folder / "office", store=store)
        self.wires: dict[str, WsgiTransport] = {}

    def line(self, name: str | None, clock: Clock | None = None) -> HttpCourier:
        wire = WsgiTransport(self.office.app)
        self.wires[name or ""] = wire
        identity = None if name is None else party(name)
        return HttpCourier(
            URL, identity, clock=clock or self.office.clock, transport=wire, pause=lambda _: None
        )

    def session(self, name: str) -> Session:
        memory = Memory(self.folder / "homes" / name)
        return Session(party(name), self.line(name), memory, clock=self.office.clock)

    def accepted(self) -> tuple[str, dict[str, Session]]:
        return accepted(self.session)
