"""Scheduled work."""

from time import monotonic

from celery import shared_task

from borrowers.pairing import pairs_find

# Well below the time limit of tasks; what is left is for the next time.
SECONDS = 200


@shared_task(name="borrowers.tasks.find_duplicate_pairs")
def find_duplicate_pairs() -> int:
    """Look for pairs of the borrowers that changed; beat calls it."""
    end = monotonic() + SECONDS
    return pairs_find(may_go_on=lambda: monotonic() < end)
