"""Reports as files: `tables` (CSV, XLSX), `pdf` (pages with charts).

Start reading at `Paper`, which is all that they are made from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reports.shapes import Chart, Sheet


@dataclass(frozen=True)
class Paper:
    """A report on paper. `subtitle` says of what and when; `made_at` is local time, with its zone."""

    title: str
    sheets: Sequence[Sheet]
    made_for: str
    made_at: datetime
    subtitle: str = ""
    charts: Sequence[Chart] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
