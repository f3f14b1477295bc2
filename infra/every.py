#!/usr/bin/env python3
"""Run a command, wait, run it again, until SIGTERM: a timer for a container that has no other.

    every.py SECONDS COMMAND [WORD...]     the first run at once
    every.py --healthy                     ends as the last run did; with 0 as long as there was none

A run that fails is told by its own words and by --healthy, and is tried again at its time. A run under way
when SIGTERM comes is told to stop, too. The only file is `STATUS`.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

STATUS = Path("/tmp/every")  # noqa: S108  # in a container of its own
STOP = {signal.SIGTERM, signal.SIGINT}
AWAITED = STOP | {signal.SIGCHLD}
"""Blocked, and taken one by one: so none comes between looking and waiting."""


def main(words: list[str]) -> int:
    """What the program ends with."""
    if words == ["--healthy"]:
        return int(STATUS.read_text()) if STATUS.exists() else 0
    if len(words) < 2 or not words[0].isdecimal() or int(words[0]) < 1:
        print(__doc__, file=sys.stderr)
        return 2
    return repeat(int(words[0]), words[1:])


def repeat(seconds: int, command: list[str]) -> int:
    """Until it is told to stop: 0. 127 where there is no such command."""
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    STATUS.unlink(missing_ok=True)
    while True:
        try:
            status, stopped = run(command)
        except OSError as error:
            print(f"every.py: {command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        STATUS.write_text(str(status if status >= 0 else 128 - status))
        if stopped or told_to_stop(within=seconds):
            return 0


def run(command: list[str]) -> tuple[int, bool]:
    """Once, to its end: its status, and whether it was told to stop."""
    process = subprocess.Popen(  # noqa: S603  # the words that it was started with
        command, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    )
    stopped = False
    while process.poll() is None:
        if signal.sigwait(AWAITED) in STOP:
            stopped = True
            process.terminate()
    return process.returncode, stopped


def told_to_stop(*, within: float) -> bool:
    end = time.monotonic() + within
    while (left := end - time.monotonic()) > 0:
        found = signal.sigtimedwait(AWAITED, left)
        if found is not None and found.si_signo in STOP:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
