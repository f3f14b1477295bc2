"""Workers for races between real processes: importable, so that a spawned interpreter finds them."""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any, Final, TypeVar

from escrow import config
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.opening import Archive

PROCESSES: Final = 4
THREADS: Final = 12
Opener = Callable[[], Store]  # opens the same store anew; picklable
Storage = Callable[[str], config.Storage]  # the same storage with the credential of a role
Tools = Callable[[str], Archive]  # opens it so, until the test ends
_T = TypeVar("_T")


def in_threads(deed: Callable[[int], _T], count: int = THREADS) -> list[_T]:
    """Do `deed(who)` in `count` threads that start together; answers in order of `who`."""
    gate = threading.Barrier(count)

    def run(who: int) -> _T:
        gate.wait()
        return deed(who)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def in_processes(opener: Opener, worker: Callable[..., Any], *args: Any) -> list[Any]:
    """Do `worker(store, who, *args)` in spawned processes that start together; answers in order of `who`."""
    spawn = multiprocessing.get_context("spawn")
    gate, answers = spawn.Barrier(PROCESSES), spawn.Queue()
    started = [
        spawn.Process(target=_run, args=(opener, worker, who, gate, answers, args))
        for who in range(PROCESSES)
    ]
    for process in started:
        process.start()
    found = dict(answers.get(timeout=60) for _ in started)
    for process in started:
        process.join()
    answers.close()
    answers.join_thread()
    return [found[who] for who in range(PROCESSES)]


def _run(
    opener: Opener, worker: Callable[..., Any], who: int, gate: Barrier, answers: "Queue[Any]", args: Any
) -> None:
    store = opener()
    gate.wait()
    try:
        answers.put((who, worker(store, who, *args)))
    except BaseException as error:
        answers.put((who, repr(error)))
        raise


def create_each(store: Store, who: int, names: list[str], same: bool) -> list[Outcome]:
    """Try to be first under every name; sweep in between, as a process that just started does."""
    outcomes = []
    for turn, name in enumerate(names):
        if turn % 10 == who:
            store.check()
        outcomes.append(store.create(Bucket.LEDGER, name, b"same" if same else b"%d" % who))
    return outcomes


def complete(store: Store, who: int, name: str) -> str:
    return store.complete_upload(name).sha256
