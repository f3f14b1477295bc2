"""A server that answers nobody is not waited for by everybody. See escrow/store/s3_pulse.py, P1 to P3."""

import time
from contextlib import suppress
from threading import Event, Thread

import pytest

from escrow.store import s3_pulse
from escrow.store.s3_pulse import Pulse, SilentError


class NoAnswerError(Exception):
    """Nobody answered."""


class RefusalError(Exception):
    """The server said no."""


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(lambda error: isinstance(error, NoAnswerError))


def fail(pulse: Pulse, error: Exception, *, short: bool = True) -> None:
    with pytest.raises(type(error)), pulse.asking(short=short):
        raise error


def require_silent(pulse: Pulse, *, short: bool = True) -> None:
    with pytest.raises(SilentError), pulse.asking(short=short):
        pytest.fail("the server was asked")


def test_silent_server_is_not_asked_again_at_once(pulse: Pulse) -> None:
    fail(pulse, NoAnswerError())
    require_silent(pulse)


def test_refusal_is_an_answer(pulse: Pulse) -> None:
    fail(pulse, RefusalError())
    with pulse.asking(short=True):
        pass


def test_silent_server_is_asked_by_one_after_a_pause_and_by_nobody_else_meanwhile(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_pulse, "PAUSE_S", 0)
    fail(pulse, NoAnswerError())
    with pulse.asking(short=True):
        require_silent(pulse)
    with pulse.asking(short=True), pulse.asking(short=True):  # it has answered
        pass


def test_silent_server_is_sent_nothing_long(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a payload would wait for a minute, and nobody could ask meanwhile."""
    monkeypatch.setattr(s3_pulse, "PAUSE_S", 0)
    fail(pulse, NoAnswerError())
    require_silent(pulse, short=False)


def test_one_call_without_answer_is_no_silence_where_others_were_answered_meanwhile(pulse: Pulse) -> None:
    began, over = Event(), Event()

    def slow() -> None:
        with suppress(NoAnswerError), pulse.asking(short=True):
            began.set()
            over.wait(30)
            raise NoAnswerError

    thread = Thread(target=slow)
    thread.start()
    began.wait(30)
    with pulse.asking(short=True):
        time.sleep(0.001)  # clocks have their grain
    over.set()
    thread.join(30)
    with pulse.asking(short=True):
        pass
