"""The bounded pool: items flow through stages of threads and come out in their order.

A source thread fills the first queue; every stage has its own threads, which take what waits as one
micro-batch and hand it on. Queues are bounded and so is the number of items on the way, so memory
does not grow with the length of the source. One stop event ends every thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# How long a thread waits on a queue before it looks at the stop event, in seconds. A twentieth of
# the second within which Ctrl-C has to end the program.
POLL = 0.05
DEPTH = 2
# Wakes a thread that waits, once the stop event is set.
_WAKE = None

Work = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Stage:
    """A step of the way: `threads` threads, each with `make_work(thread number)` of its own.

    The work gets a list of up to `batch` items and returns as many results, in the same order.
    """

    name: str
    make_work: Callable[[int], Work]
    threads: int = 1
    batch: int = 1


class _Stopped(Exception):
    """The stop event was set while a thread waited."""


@dataclass(frozen=True)
class _End:
    """How many items the source gave, and what ended it early, if anything."""

    total: int
    error: BaseException | None


@dataclass(frozen=True)
class _Failure:
    stage: str
    error: BaseException


class WorkerPool:
    """Runs a source through stages. Before each wait at most DEPTH items per thread and batch."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        for stage in stages:
            if stage.threads < 1:
                raise ValueError(f"stage {stage.name!r} must have a thread, got {stage.threads}")
        self.stages = tuple(stages)
        self.stop = threading.Event()
        self._queues: list[queue.Queue[Any]] = [
            queue.Queue(maxsize=max(2, stage.threads * stage.batch * DEPTH)) for stage in stages
        ]
        self._out: queue.Queue[Any] = queue.Queue()
        # The output queue needs no bound of its own: this window bounds what is on the way.
        window = sum(q.maxsize for q in self._queues) + sum(s.threads * s.batch for s in stages)
        self._window = threading.Semaphore(window)

    def run(self, source: Iterable[Any]) -> Generator[Any, None, None]:
        """Results in the order of `source`, as they are ready. A pool runs once.

        An error in the source is raised after the results of all that came before it; an error in a
        stage is raised at once, with the stage's name added to it. Closing the iterator, or an
        exception such as KeyboardInterrupt in the caller, stops and joins all threads.
        """
        threads = [threading.Thread(target=self._feed, args=(source,), name="source", daemon=True)]
        for position, stage in enumerate(self.stages):
            threads += [
                threading.Thread(
                    target=self._serve,
                    args=(position, stage, number),
                    name=f"{stage.name}-{number}",
                    daemon=True,
                )
                for number in range(stage.threads)
            ]
        try:
            for thread in threads:
                thread.start()
            yield from self._collect()
        finally:
            self.stop.set()
            for stage, waiting in zip(self.stages, self._queues, strict=True):
                # A thread takes as many as make a batch.
                for _ in range(stage.threads * stage.batch):
                    with suppress(queue.Full):  # where something is, nobody waits
                        waiting.put_nowait(_WAKE)
            for thread in threads:
                if thread.ident is not None:  # an error may have come before its start
                    thread.join()

    def _collect(self) -> Iterator[Any]:
        waiting: dict[int, Any] = {}
        done = 0
        end: _End | None = None
        while end is None or done < end.total:
            got = self._get(self._out)
            if isinstance(got, _End):
                end = got
                continue
            if isinstance(got, _Failure):
                raise _noted(got)
            waiting[got[0]] = got[1]
            while done in waiting:
                yield waiting.pop(done)
                done += 1
                self._window.release()
        if end.error is not None:
            raise end.error

    def _feed(self, source: Iterable[Any]) -> None:
        total, error = 0, None
        first = self._queues[0] if self._queues else self._out
        try:
            for item in source:
                while not self._window.acquire(timeout=POLL):
                    self._check_stop()
                self._put(first, (total, item))
                total += 1
        except _Stopped:
            return
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
        self._out.put(_End(total, error))

    def _serve(self, position: int, stage: Stage, number: int) -> None:
        mine = self._queues[position]
        last = position + 1 == len(self.stages)
        following = self._out if last else self._queues[position + 1]
        try:
            work = stage.make_work(number)
            while True:
                taken = self._take(mine, stage.batch)
                results = work([item for _, item in taken])
                for (order, _), result in zip(taken, results, strict=True):
                    self._put(following, (order, result))
        except _Stopped:
            pass
        except BaseException as error:
            self._out.put(_Failure(stage.name, error))

    def _take(self, source: queue.Queue[Any], limit: int) -> list[Any]:
        """One item, waited for, and what else is there already, up to `limit`."""
        taken = [self._get(source)]
        while len(taken) < limit:
            try:
                taken.append(source.get_nowait())
            except queue.Empty:
                break
        self._check_stop()
        return taken

    def _get(self, source: queue.Queue[Any]) -> Any:
        while True:
            self._check_stop()
            try:
                return source.get(timeout=POLL)
            except queue.Empty:
                continue

    def _put(self, target: queue.Queue[Any], item: Any) -> None:
        while True:
            self._check_stop()
            try:
                return target.put(item, timeout=POLL)
            except queue.Full:
                continue

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise _Stopped


def _noted(failure: _Failure) -> BaseException:
    """The worker's own error, traceback and all, that says which stage it came from."""
    error = failure.error
    if hasattr(error, "add_note"):
        error.add_note(f"in stage {failure.stage!r} of the worker pool")
    return error
