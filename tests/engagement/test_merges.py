"""What of leads, appointments, interactions and reviews becomes of two borrowers who are one."""

import pytest
from django.utils import timezone

from applications.models import ApplicationBorrower
from engagement.models import Interaction, Review
from tests.factories import ApplicationFactory, BorrowerFactory, UserFactory

pytestmark = pytest.mark.django_db

BORROWERS = "/api/borrowers/"


def review(application, borrower, **changed):
    return Review.objects.create(
        application=application,
        borrower=borrower,
        author=UserFactory.create(),
        rating=4,
        title="Good",
        **changed,
    )


def test_of_two_reviews_of_one_loan_the_survivors_stays_and_undoing_brings_the_other_back(world, api):
    survivor, duplicate = world.ours.borrower, BorrowerFactory.create()
    both, alone = world.ours.application, ApplicationFactory.create()
    for application in (both, alone):
        ApplicationBorrower.objects.create(application=application, borrower=duplicate, position=5)
    kept = review(both, survivor)
    second = review(
        both, duplicate, hidden_by=world.admin, hidden_at=timezone.now(), hidden_reason="Names a person"
    )
    moved = review(alone, duplicate)
    called = Interaction.objects.create(
        borrower=duplicate, author=world.admin, kind="call", subject="Payslips", occurred_at=timezone.now()
    )
    before = list(Review.objects.order_by("pk").values())
    client = api(world.admin)

    reply = client.post(f"{BORROWERS}{survivor.pk}/merge/", {"duplicate": duplicate.pk})
    assert reply.status_code == 201, reply.json()
    assert set(Review.objects.values_list("pk", "borrower")) == {
        (kept.pk, survivor.pk),
        (moved.pk, survivor.pk),
    }
    called.refresh_from_db()
    assert called.borrower_id == survivor.pk

    reply = client.post(f"{BORROWERS}merges/{reply.json()['id']}/undo/")
    assert reply.status_code == 200, reply.json()
    assert list(Review.objects.order_by("pk").values()) == before
    assert Review.objects.get(pk=second.pk).borrower_id == duplicate.pk
    called.refresh_from_db()
    assert called.borrower_id == duplicate.pk
