"""Every stage × target × role of the stage machine, against the rules as people say them."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from applications.choices import Stage
from applications.models import Application, ApplicationBorrower, StageChange
from applications.services.stage import GuardNotMet, IllegalMove, application_change_stage
from applications.stages import ALIASES
from crm_backend.common.errors import InvalidInput, NotAllowed
from events.models import Event
from servicing.models import Loan
from tests.factories import ApplicationFactory, SecurityFactory
from tests.threads import statuses, together
from tests.writes import nothing_written

# Written out on purpose, so that the table under test is not its own judge.
WAY = [
    "inquiry",
    "sent_to_lender",
    "funding_table_issued",
    "iloo_issued",
    "iloo_signed",
    "commitment_fee_paid",
    "app_submitted",
    "valuation_ordered",
    "valuation_received",
    "formal_approval",
    "loan_docs_instructed",
    "loan_docs_issued",
    "loan_docs_signed",
    "settlement_conditions",
    "settled",
    "closed",
]
OPEN = WAY[:14]
ROLES = ["admin", "bd", "broker", "client"]
STAFF = ["admin", "bd"]
ASIDE = ["more_info_required", "declined", "withdrawn"]
STATES = [(stage, "") for stage in WAY] + [
    (aside, origin) for aside in ASIDE for origin in ("inquiry", "valuation_ordered", "settlement_conditions")
]


def rule(stage, came_from, target):
    """(roles that may, whether it needs a reason), or None for a move that there is not."""
    if target == "more_info_required":
        return (STAFF, True) if stage in OPEN else None
    if target == "declined":
        return (STAFF, True) if stage in OPEN or stage == "more_info_required" else None
    if target == "withdrawn":
        return (ROLES, False) if stage in OPEN or stage == "more_info_required" else None
    if stage == "more_info_required":
        return (STAFF, False) if target == came_from else None
    if stage in ("declined", "withdrawn"):
        return (["admin"], True) if target == came_from else None
    steps = WAY.index(target) - WAY.index(stage)
    if steps == 1:
        return (STAFF, False)
    return (STAFF, True) if steps > 1 and target in OPEN else None


def legal(stage, came_from):
    return {target for target in Stage.values if rule(stage, came_from, target)}


def url(application, tail="stage/"):
    return f"/api/applications/{application.pk}/{tail}"


def put_at(application, stage, came_from="", *, entered=None):
    """Place it somewhere, however it got there."""
    Application.objects.filter(pk=application.pk).update(
        stage=stage, came_from=came_from, stage_entered_at=entered or timezone.now()
    )
    application.refresh_from_db()


def lend(application):
    """A loan that has been paid out, as what there is of it: settling and closing ask for no more."""
    today = timezone.localdate()
    Loan.objects.create(
        application=application,
        status="closed",
        settled_on=today,
        closed_on=today,
        allocation_order=["penalty", "fee", "interest", "principal"],
    )


def make_ready(application):
    """Meet every guard."""
    lend(application)
    Application.objects.filter(pk=application.pk).update(approved_amount="440000.00")
    StageChange.objects.create(
        application=application,
        from_stage="loan_docs_issued",
        to_stage="loan_docs_signed",
        changed_at=timezone.now(),
    )
    application.refresh_from_db()


class _UndoError(Exception):
    pass


def test_the_test_knows_every_stage():
    assert [*WAY, *ASIDE] == Stage.values


@pytest.mark.django_db
@pytest.mark.parametrize(("stage", "came_from"), STATES)
def test_every_move_from_a_stage_by_every_role(world, stage, came_from):
    application = world.ours.application
    make_ready(application)
    put_at(application, stage, came_from, entered=timezone.now() - timedelta(seconds=90))
    for target in Stage:
        for role in ROLES:
            for reason in ("", "Because."):
                _check_cell(world, application, target, role, reason)


def _check_cell(world, application, target, role, reason):
    """One cell of the table, undone afterwards."""
    stage, came_from, actor = application.stage, application.came_from, world.user(role)
    found = rule(stage, came_from, target.value)
    cell = f"{stage} ({came_from}) → {target} by {role} with {reason!r}"
    before = (StageChange.objects.count(), Event.objects.count())

    def move():
        return application_change_stage(application=application, to=target, actor=actor, reason=reason)

    if found is None:
        with pytest.raises(IllegalMove) as refused:
            move()
        assert set(refused.value.extra["allowed_stages"]) == legal(stage, came_from), cell
        for name in legal(stage, came_from):
            assert name in refused.value.detail, cell
    elif role not in found[0]:
        with pytest.raises(NotAllowed):
            move()
    elif found[1] and not reason.strip():
        with pytest.raises(InvalidInput) as missing:
            move()
        assert list(missing.value.errors) == ["reason"], cell
    else:
        _check_made(application, move, target, actor, reason, before, cell)
        return
    assert (StageChange.objects.count(), Event.objects.count()) == before, cell
    application.refresh_from_db()
    assert (application.stage, application.came_from) == (stage, came_from), cell


def _check_made(application, move, target, actor, reason, before, cell):
    stage, came_from = application.stage, application.came_from
    try:
        with transaction.atomic():
            change = move()
            moved = Application.objects.get(pk=application.pk)
            assert moved.stage == target, cell
            expected = (came_from or stage) if target in ASIDE else ""
            assert moved.came_from == expected, cell
            assert (change.from_stage, change.to_stage) == (stage, target), cell
            assert (change.actor, change.reason) == (actor, reason), cell
            assert 90 <= change.seconds_in_stage < 150, cell
            assert moved.stage_entered_at == change.changed_at, cell
            assert (StageChange.objects.count(), Event.objects.count()) == (before[0] + 1, before[1] + 1)
            event = Event.objects.latest("pk")
            assert event.type == "application.stage_changed", cell
            assert (event.data["from_stage"], event.data["to_stage"]) == (stage, target), cell
            assert actor.pk not in event.recipients, cell
            raise _UndoError
    except _UndoError:
        pass


# --- over the API ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_move_is_recorded_told_and_shown(world, api):
    application = world.ours.application
    put_at(application, "inquiry", entered=timezone.now() - timedelta(hours=1))
    client = api(world.ours.bd_user)
    events = Event.objects.count()
    reply = client.put(
        url(application), {"stage": "iloo_issued", "reason": "Urgent.", "notes": "By telephone."}
    )
    assert reply.status_code == 200
    body = reply.json()
    assert (body["stage"], body["stage_display"], body["came_from"]) == (
        "iloo_issued",
        "Indicative letter of offer issued",
        "",
    )
    assert "iloo_signed" in body["allowed_stages"]
    again = client.get(url(application, ""))
    assert again.json() == body
    assert again["ETag"] == reply["ETag"]
    history = client.get(url(application, "stage-history/")).json()
    assert history["count"] == 1
    entry = history["results"][0]
    assert (entry["from_stage"], entry["to_stage"]) == ("inquiry", "iloo_issued")
    assert (entry["reason"], entry["notes"]) == ("Urgent.", "By telephone.")
    assert entry["actor"] == {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name}
    assert 3600 <= entry["seconds_in_stage"] < 3660
    assert Event.objects.count() == events + 1
    event = Event.objects.latest("pk")
    assert event.recipients == sorted(
        [world.admin.pk, world.ours.broker_user.pk, world.ours.client_user.pk]
    ), "all concerned, but not the one who did it and nobody of the other side"
    assert (event.subject_type, event.subject_id, event.application_id) == (
        "application",
        application.pk,
        application.pk,
    )


@pytest.mark.django_db
def test_an_illegal_move_names_the_legal_ones(world, api):
    client = api(world.admin)
    put_at(world.ours.application, "settled")
    with nothing_written():
        reply = client.put(url(world.ours.application), {"stage": "inquiry", "reason": "Back."})
    assert reply.status_code == 409
    body = reply.json()
    assert (body["code"], body["allowed_stages"]) == ("illegal_stage_move", ["closed"])
    assert body["detail"] == (
        "An application cannot move from settled to inquiry. From here it can move to: closed."
    )
    put_at(world.ours.application, "closed")
    with nothing_written():
        reply = client.put(url(world.ours.application), {"stage": "inquiry", "reason": "Back."})
    assert reply.status_code == 409
    assert reply.json()["allowed_stages"] == []
    assert reply.json()["detail"].endswith("From here it can move to: nowhere.")


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["broker", "client"])
def test_brokers_and_clients_may_only_withdraw(world, api, role):
    client = api(world.user(role))
    with nothing_written():
        reply = client.put(url(world.ours.application), {"stage": "sent_to_lender"})
    assert reply.status_code == 403
    assert reply.json()["code"] == "permission_denied"
    assert reply.json()["detail"] == "Only admin, bd may advance an application."
    reply = client.put(url(world.ours.application), {"stage": "withdrawn"})
    assert reply.status_code == 200
    assert (reply.json()["stage"], reply.json()["came_from"]) == ("withdrawn", "inquiry")
    assert reply.json()["allowed_stages"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("reason", [None, "", "   "])
def test_a_decline_needs_a_reason(world, api, reason):
    client = api(world.ours.bd_user)
    body = {"stage": "declined"} if reason is None else {"stage": "declined", "reason": reason}
    with nothing_written():
        reply = client.put(url(world.ours.application), body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"reason": ["To decline an application needs a reason."]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "stage"),
        ({"stage": ""}, "stage"),
        ({"stage": None}, "stage"),
        ({"stage": "nowhere"}, "stage"),
        ({"stage": 3}, "stage"),
        ({"stage": "sent_to_lender", "reason": "x" * 501}, "reason"),
        ({"stage": "sent_to_lender", "force": True}, "force"),
    ],
)
def test_a_malformed_move_is_refused(world, api, body, field):
    client = api(world.admin)
    with nothing_written():
        reply = client.put(url(world.ours.application), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_an_invisible_application_cannot_be_moved(world, api, role):
    client = api(world.user(role))
    with nothing_written():
        reply = client.put(url(world.theirs.application), {"stage": "withdrawn"})
    assert reply.status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("alias", "meant"), sorted(ALIASES.items()))
def test_the_words_of_some_clients_are_accepted(world, api, alias, meant):
    application = world.ours.application
    make_ready(application)
    put_at(application, WAY[WAY.index(meant) - 1])
    client = api(world.admin)
    reply = client.put(url(application), {"stage": alias})
    assert reply.status_code == 200
    assert reply.json()["stage"] == meant
    assert client.get(f"/api/applications/?stage={alias}").json()["count"] == 1


def test_the_words_are_those_of_the_contract():
    assert dict(ALIASES) == {
        "pre_approval": "iloo_issued",
        "valuation": "valuation_ordered",
        "settlement": "settlement_conditions",
        "funded": "settled",
    }


@pytest.mark.django_db
def test_an_approval_needs_a_security(world, api):
    application = world.ours.application
    world.ours.security.delete()
    put_at(application, "valuation_received")
    client = api(world.ours.bd_user)
    with nothing_written():
        reply = client.put(url(application), {"stage": "formal_approval"})
    assert reply.status_code == 409
    assert reply.json()["code"] == "stage_guard_not_met"
    assert reply.json()["missing"] == ["it needs a security with a value"]
    SecurityFactory.create(application=application)
    assert client.put(url(application), {"stage": "formal_approval"}).status_code == 200


@pytest.mark.django_db
def test_an_approval_of_an_unsecured_loan_needs_none(world, api):
    application = world.ours.application
    world.ours.security.delete()
    put_at(application, "valuation_received")
    Application.objects.filter(pk=application.pk).update(application_type="personal")
    reply = api(world.ours.bd_user).put(url(application), {"stage": "formal_approval"})
    assert reply.status_code == 200


@pytest.mark.django_db
def test_a_settlement_names_everything_that_is_missing(world, api):
    application = ApplicationFactory.create(bd=world.ours.bdm)
    put_at(application, "settlement_conditions")
    client = api(world.ours.bd_user)
    lacking = [
        "it needs a security with a value",
        "it needs an approved amount",
        "it needs a borrower",
        "its loan documents have not been signed",
        "it needs a schedule: disburse it with settle/",
    ]
    steps = [
        lambda: SecurityFactory.create(application=application),
        lambda: Application.objects.filter(pk=application.pk).update(approved_amount="1.00"),
        lambda: ApplicationBorrower.objects.create(application=application, borrower=world.ours.borrower),
        lambda: StageChange.objects.create(
            application=application, to_stage="loan_docs_signed", changed_at=timezone.now()
        ),
        lambda: lend(application),
    ]
    for step in steps:
        with nothing_written():
            reply = client.put(url(application), {"stage": "settled"})
        assert reply.status_code == 409
        assert reply.json()["missing"] == lacking
        lacking.pop(0)
        step()
    assert client.put(url(application), {"stage": "settled"}).status_code == 200


@pytest.mark.django_db
def test_a_loan_is_closed_when_it_is_paid_out_or_written_off(world, api):
    application = world.ours.application
    lend(application)
    put_at(application, "settled")
    client = api(world.ours.bd_user)
    Loan.objects.update(status="active", closed_on=None)
    with nothing_written():
        reply = client.put(url(application), {"stage": "closed"})
    assert reply.status_code == 409
    assert reply.json()["missing"] == ["its loan has not been paid out or written off"]
    Loan.objects.update(status="written_off", closed_on=timezone.localdate())
    assert client.put(url(application), {"stage": "closed"}).status_code == 200


@pytest.mark.django_db
def test_a_guard_is_raised_by_the_service_too(world):
    put_at(world.ours.application, "settlement_conditions")
    with pytest.raises(GuardNotMet):
        application_change_stage(
            application=world.ours.application, to=Stage.SETTLED, actor=world.admin, reason="Now."
        )


@pytest.mark.django_db
def test_a_decline_while_information_is_missing_leads_back_to_the_stage_before_both(world, api):
    application = world.ours.application
    put_at(application, "valuation_ordered")
    client = api(world.admin)
    for target, came_from in (
        ("more_info_required", "valuation_ordered"),
        ("declined", "valuation_ordered"),
        ("valuation_ordered", ""),
    ):
        reply = client.put(url(application), {"stage": target, "reason": "Because."})
        assert reply.status_code == 200
        assert (reply.json()["stage"], reply.json()["came_from"]) == (target, came_from)
    moves = client.get(url(application, "stage-history/")).json()["results"]
    assert [(move["from_stage"], move["to_stage"]) for move in moves] == [
        ("valuation_ordered", "more_info_required"),
        ("more_info_required", "declined"),
        ("declined", "valuation_ordered"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_a_detail_shows_where_the_caller_may_move_it(world, api, role):
    shown = api(world.user(role)).get(url(world.ours.application, "")).json()["allowed_stages"]
    expected = [target for target in legal("inquiry", "") if role in rule("inquiry", "", target)[0]]
    assert sorted(shown) == sorted(expected)


@pytest.mark.django_db
def test_a_stale_move_is_refused(world, api):
    client = api(world.ours.bd_user)
    etag = client.get(url(world.ours.application, ""))["ETag"]
    assert client.put(url(world.ours.application), {"stage": "sent_to_lender"}).status_code == 200
    with nothing_written():
        reply = client.put(
            url(world.ours.application), {"stage": "funding_table_issued"}, headers={"If-Match": etag}
        )
    assert reply.status_code == 412
    assert reply.json()["code"] == "stale_version"


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_at_once_the_second_is_judged_by_where_the_first_led(world, api):
    one, two = api(world.ours.bd_user), api(world.admin)
    path = url(world.ours.application)
    replies = together(
        lambda: one.put(path, {"stage": "sent_to_lender"}), lambda: two.put(path, {"stage": "sent_to_lender"})
    )
    assert statuses(replies) == [200, 409]
    assert StageChange.objects.filter(application=world.ours.application).count() == 1
    assert Event.objects.filter(type="application.stage_changed").count() == 1
