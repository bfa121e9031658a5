"""The pool keeps order, is bounded, stops at once and tells what failed where."""

from __future__ import annotations

import threading
import time

import pytest

from fakecheck.workers import Stage, WorkerPool


def doubling(number):
    return lambda items: [2 * item for item in items]


def uneven(number):
    def work(items):
        time.sleep(0.002 * (items[0] % 3))
        return items

    return work


def test_results_keep_the_order_of_the_source():
    pool = WorkerPool([Stage("a", uneven, 3), Stage("b", doubling, 2, batch=4)])
    assert list(pool.run(range(200))) == [2 * n for n in range(200)]


def test_threads_that_wait_are_woken_at_the_end(monkeypatch):
    monkeypatch.setattr("fakecheck.workers.POLL", 30.0)
    pool = WorkerPool([Stage("a", doubling, 3), Stage("b", doubling, 2, batch=4)])
    began = time.monotonic()
    assert list(pool.run(range(5))) == [2 * 2 * n for n in range(5)]
    assert time.monotonic() - began < 20


def test_threads_that_could_be_started_end_where_another_could_not(monkeypatch):
    start, started = threading.Thread.start, []

    def limited(self):
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    pool = WorkerPool([Stage("a", doubling, 2), Stage("b", doubling, 2)])
    with pytest.raises(RuntimeError, match="can't start"):
        list(pool.run(range(5)))
    assert not any(thread.is_alive() for thread in started)


def test_a_stage_has_a_thread():
    with pytest.raises(ValueError, match="stage 'a' must have a thread"):
        WorkerPool([Stage("a", doubling, 0)])


def test_an_empty_source_gives_nothing():
    assert list(WorkerPool([Stage("a", doubling)]).run([])) == []


def test_items_that_wait_become_one_batch():
    sizes = []
    entered = threading.Event()

    def collect(number):
        def work(items):
            sizes.append(len(items))
            entered.wait(1)
            return items

        return work

    def source():
        yield from range(5)
        entered.set()

    assert list(WorkerPool([Stage("a", collect, batch=8)]).run(source())) == list(range(5))
    assert max(sizes) > 1
    assert sum(sizes) == 5


def test_the_source_does_not_run_ahead_of_a_slow_reader():
    given = []

    def source():
        for number in range(1000):
            given.append(number)
            yield number

    results = WorkerPool([Stage("a", doubling, 2), Stage("b", doubling, 2)]).run(source())
    next(results)
    time.sleep(0.3)
    assert len(given) < 50
    results.close()


def test_an_error_of_the_source_comes_after_the_results_before_it():
    def source():
        yield 1
        yield 2
        raise OSError("gone")

    results = WorkerPool([Stage("a", uneven, 2)]).run(source())
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(OSError, match="gone"):
        next(results)


def test_an_error_of_a_stage_keeps_its_traceback_and_names_the_stage():
    def breaking(number):
        def work(items):
            raise ZeroDivisionError("in the work")

        return work

    with pytest.raises(ZeroDivisionError) as caught:
        list(WorkerPool([Stage("detectors", breaking)]).run([1]))
    assert any(entry.name == "work" for entry in caught.traceback)
    notes = getattr(caught.value, "__notes__", ["'detectors'"])
    assert any("'detectors'" in note for note in notes)


@pytest.mark.parametrize("end", ["close", "interrupt"])
def test_leaving_early_ends_every_thread_within_a_second(end):
    before = threading.active_count()

    def endless():
        while True:
            yield 1

    results = WorkerPool([Stage("a", doubling, 4), Stage("b", doubling, 4)]).run(endless())
    next(results)
    start = time.monotonic()
    if end == "close":
        results.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt())
    assert time.monotonic() - start < 1
    assert threading.active_count() == before


def test_the_source_is_closed_when_the_reader_leaves():
    closed = threading.Event()

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    results = WorkerPool([Stage("a", doubling)]).run(source())
    next(results)
    results.close()
    assert closed.wait(1)
