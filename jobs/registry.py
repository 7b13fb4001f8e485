"""The one list of job kinds.

An app declares its kinds in its `job_kinds.py`::

    register(JobKind("applications.bulk_import", "Import of applications", run=import_applications,
                     columns=("client_reference", "application_id")))

The handler gets a `services.running.Run`. It may be called again for the same job, after a worker was
killed: what it has written already it must find and not write twice. It calls `run.hold` at the beginning
of each of its transactions and `run.advance` between batches, and returns a `Done`, or raises `JobFailed`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Done:
    """How a job ended well: a sentence for people, and figures for programs."""

    message: str
    result: Mapping[str, Any] = field(default_factory=dict)


class JobFailed(Exception):
    """A handler gives up for a reason that its owner can understand; what it wrote stays."""

    def __init__(self, message: str, result: Mapping[str, Any] | None = None) -> None:
        self.message, self.result = message, dict(result or {})
        super().__init__(message)


@dataclass(frozen=True)
class JobKind:
    """One kind of job.

    Attributes:
        name: `<app>.<what>`, the name clients filter by.
        label: what people read in notifications.
        run: does the work.
        can_retry: whether one that failed or was cancelled can be done again from where it stopped.
        columns: names of the values in each row of its report, in the order of the CSV file.
    """

    name: str
    label: str
    run: Callable[[Any], Done]
    columns: tuple[str, ...] = ()
    can_retry: bool = False


REGISTRY: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Add a kind; apps do so in their `job_kinds.py`."""
    if REGISTRY.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"job kind {kind.name!r} is declared twice")


def job_kind(name: str) -> JobKind:
    """The kind of that name.

    Raises:
        LookupError: no app declares such a kind.
    """
    try:
        return REGISTRY[name]
    except KeyError:
        raise LookupError(f"no job kind {name!r} is declared") from None
