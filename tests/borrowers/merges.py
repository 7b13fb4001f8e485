"""Merges of borrowers, and pairs that may be merged."""

from django.utils import timezone

from borrowers.merging import borrower_merge
from borrowers.models import Borrower, BorrowerMerge, DuplicatePair
from tests.factories import BorrowerFactory
from users.models import User


def merge_into(survivor: Borrower, actor: User) -> BorrowerMerge:
    """Another borrower, merged into this one."""
    duplicate = BorrowerFactory.create(created_by=actor)
    return borrower_merge(survivor=survivor, duplicate=duplicate, actor=actor, keep={})


def pair_with(borrower: Borrower, knower: User, *, is_dismissed: bool = False) -> DuplicatePair:
    """A pair of this borrower and another one, whom somebody knows, and has perhaps dismissed."""
    moment = timezone.now()
    other = BorrowerFactory.create(created_by=knower)
    return DuplicatePair.objects.create(
        first=borrower,
        second=other,
        reasons=["phone"],
        strength=1,
        found_at=moment,
        dismissed_at=moment if is_dismissed else None,
        dismissed_by=knower if is_dismissed else None,
    )
