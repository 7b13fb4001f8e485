"""Further guards of stages, from apps above this one; docs/adr/0020-guards-from-above.md has the reasons."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from applications.choices import Stage
from applications.models import Application

# Answers with what an application lacks, in words.
Guard = Callable[[Application], Iterable[str]]

_guards: defaultdict[Stage, list[Guard]] = defaultdict(list)


def register_guard(stage: Stage, guard: Guard) -> None:
    """Ask this guard as well before an application moves to a stage; apps do so when they are ready."""
    if guard not in _guards[stage]:
        _guards[stage].append(guard)


def lacks(application: Application, stage: Stage) -> list[str]:
    """What the registered guards of a stage miss."""
    return [fault for guard in _guards[stage] for fault in guard(application)]
