"""The deadline of a long body: stretch by stretch, so that it is no fault to be long, and one to drip."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.http.body import LengthReader  # type: ignore[import-untyped]
from support.office import office_settings

from escrow.api import worker
from escrow.api.transfers import LONG
from escrow.api.worker import PatientBody, PatientUnreader

STALL_S, STRETCH_S, STRETCH = 30.0, 100.0, 1000


class Line:
    """An unreader, its peer, and a clock that moves when told."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.unreader = PatientUnreader(near, STALL_S)
        self.far = far
        self.now = 1000.0

    def arrives(self, data: bytes, after_s: float) -> int:
        """So much later these bytes are there; how many are taken."""
        self.now += after_s
        self.far.sendall(data)
        return self.unreader.fill(memoryview(bytearray(len(data))))


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    near, far = socket.socketpair()
    with near, far:
        line = Line(near, far)
        monkeypatch.setattr(worker.time, "monotonic", lambda: line.now)
        line.unreader.allow_stretches(STRETCH_S, STRETCH)
        yield line


def test_long_body_that_keeps_the_pace_may_take_as_long_as_it_is_long(line: Line) -> None:
    for _ in range(50):
        assert line.arrives(bytes(1000), after_s=0.9 * STRETCH_S) == 1000


def test_long_body_that_drips_is_cut_off_after_one_stretch(line: Line) -> None:
    for _ in range(10):
        assert line.arrives(b"a", after_s=0.09 * STRETCH_S) == 1
    with pytest.raises(ConnectionResetError):
        line.arrives(b"a", after_s=0.1 * STRETCH_S)


def test_pace_kept_once_does_not_excuse_a_drip_afterwards(line: Line) -> None:
    assert line.arrives(bytes(1000), after_s=1) == 1000
    assert line.arrives(b"a", after_s=0.9 * STRETCH_S) == 1
    with pytest.raises(ConnectionResetError):
        line.arrives(b"a", after_s=0.2 * STRETCH_S)


def test_what_a_long_body_begins_with_may_not_drip_for_as_long_as_the_rest(
    line: Line, tmp_path: Path
) -> None:
    """As long as nobody knows whether the rest is wanted (T3 of transfers.py)."""
    settings = office_settings(tmp_path, body_deadline_s=900)
    body = PatientBody(LengthReader(line.unreader, 10 * LONG), line.unreader, settings)
    body.take_time()
    body.hurry()
    assert line.arrives(bytes(LONG), after_s=4) == LONG
    assert line.arrives(b"a", after_s=4) == 1
    with pytest.raises(ConnectionResetError):
        line.arrives(b"a", after_s=2)
    body.take_time()
    assert line.arrives(b"a", after_s=800) == 1


def test_deadline_of_a_short_body_is_not_put_off(line: Line) -> None:
    line.unreader.allow(5)
    assert line.arrives(bytes(1000), after_s=4) == 1000
    with pytest.raises(ConnectionResetError):
        line.arrives(b"a", after_s=2)
