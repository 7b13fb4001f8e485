"""Cycles of requests that had long bodies are not left for later."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

import pytest

from crm_backend.common.garbage import BODIES, Bodies

ROOT = Path(__file__).resolve().parents[2]


class Cycle:
    """What a request is to the collector."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def seldom() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(("size", "is_left"), [(BODIES + 1, False), (10, True)])
def test_the_cycle_of_a_long_body_is_gone_when_the_next_request_comes(size, is_left):
    bodies, kept = Bodies(), Cycle()
    left = ref(kept)
    bodies.come(environ={"CONTENT_LENGTH": str(size)})
    del kept
    bodies.come(environ={"CONTENT_LENGTH": ""})
    assert (left() is not None) is is_left


def test_bodies_are_counted_together():
    bodies = Bodies()
    for _ in range(10):
        bodies.come(environ={"CONTENT_LENGTH": str(BODIES // 9)})
    left = ref(Cycle())
    assert left() is not None
    bodies.come(environ={})
    assert (left(), bodies.size) == (None, 0)


@pytest.mark.parametrize("environ", [None, {}, *({"CONTENT_LENGTH": text} for text in ("", "-5", "x", "²"))])
def test_a_length_that_is_none_counts_for_nothing(environ):
    bodies = Bodies()
    bodies.come(environ=environ)
    assert bodies.size == 0


def test_the_process_that_serves_looks_seldom_and_after_long_bodies():
    script = (
        "import gc, crm_backend.wsgi\n"
        "from django.core.signals import request_started\n"
        "from crm_backend.common import garbage\n"
        "request_started.send(None, environ={'CONTENT_LENGTH': '7'})\n"
        "print(gc.get_threshold()[0], gc.get_freeze_count() > 100_000, garbage._bodies.size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["10000", "True", "7"], done.stderr
