"""What Redis tells every process, whichever of its databases that process uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from crm_backend.common import roundtrip
from crm_backend.common.line import Line


@contextmanager
def only_keys_are_told() -> Iterator[None]:
    """Do not hear that a database was emptied: other processes empty theirs, and that costs a trip."""
    told = Line._told

    def heard(line: Line, news: list[Any]) -> None:
        if news[1] is not None:
            told(line, news)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Line, "_told", heard)
        roundtrip.line.lose()
        try:
            yield
        finally:
            roundtrip.line.lose()
