"""The number of the rules keeps cells of one release from being read, or added to, by another."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from itertools import product

import pytest
from django.core.management import CommandError, call_command

from reports.choices import RULES, Grain, Level, Topic
from reports.models import Cell, Due, Fact, RollupState
from reports.registry import REPORTS, Filters, compute
from reports.selectors import contributions, sums
from reports.services import rollups
from reports.services.rollups import (
    CountedByNewer,
    rollups_check,
    rollups_check_nightly,
    rollups_rebuild,
    rollups_refresh,
)

NOON = datetime(2024, 5, 1, 2, tzinfo=UTC)
# By the number of the rules, a digest of what they say.
SAID = {1: "41d2c3d56a96d542"}


def of_release(monkeypatch, number):
    """From now on this is the release with these rules."""
    monkeypatch.setattr("reports.services.rollups.RULES", number)
    monkeypatch.setattr("reports.models.rollups.RULES", number)
    said = re.sub(r"counted_by = \d+", f"counted_by = {number}", sums._STATE)
    monkeypatch.setattr(sums, "_STATE", said)


def is_read_from_cells(reader):
    """Whether reports are, shown by cells that are wrong."""
    Cell.objects.update(count=77)
    found = compute(REPORTS["application-volume"], reader, Filters()).data
    return set(found["stage_breakdown"].values()) == {77}


def test_what_a_release_before_has_counted_is_counted_anew(world, db, monkeypatch):
    rollups_rebuild()
    assert is_read_from_cells(world.admin)
    of_release(monkeypatch, 2)
    assert not is_read_from_cells(world.admin)
    rollups_refresh()
    assert RollupState.objects.get().counted_by == 2
    assert rollups_check() == (0, 0)
    assert is_read_from_cells(world.admin)


def test_what_a_release_before_has_begun_is_begun_anew(world, db, monkeypatch):
    monkeypatch.setattr(rollups, "REBUILT_AT_ONCE", 1)
    steps = iter([True] * 2)
    assert not rollups_rebuild(may_go_on=lambda: next(steps, False))
    assert RollupState.objects.get().reached
    of_release(monkeypatch, 2)
    Fact.objects.update(counted=[])
    rollups_refresh()
    assert rollups_check() == (0, 0)


def test_a_worker_leaves_alone_what_a_newer_release_counts(world, db, monkeypatch):
    of_release(monkeypatch, 2)
    rollups_rebuild()
    of_release(monkeypatch, 1)
    Due.objects.create(application=world.ours.application.pk, since=NOON)
    for is_whole in (True, False):
        RollupState.objects.update(is_whole=is_whole)
        assert rollups_refresh() == 0
        assert not is_read_from_cells(world.admin)
        assert list(RollupState.objects.values_list("is_whole", "counted_by")) == [(is_whole, 2)]
        assert Due.objects.exists()
    with pytest.raises(CountedByNewer):
        rollups_check()
    with pytest.raises(CommandError, match="newer release"):
        call_command("rollups", "--check")
    assert not rollups_check_nightly()
    # Who goes back to this release says so.
    assert rollups_rebuild(anew=True)
    assert rollups_check() == (0, 0)


def test_the_rules_have_another_number_when_they_change():
    kept = [(*of, contributions.is_kept(*of)) for of in product(Topic, Level, Grain)]
    text = repr((sorted(contributions._BRANCHES.items()), contributions._CHOSEN, contributions._LOANS, kept))
    digest = sha256(re.sub(r"\s+", " ", text).encode()).hexdigest()[:16]
    assert {RULES: digest} == SAID, "raise RULES if figures or cells change, and note the new digest here"
