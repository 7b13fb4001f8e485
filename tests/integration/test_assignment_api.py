"""Who is responsible for an application, and who hears of a change."""

import pytest

from applications.models import Application
from brokers.models import Bdm, Branch, Broker
from events.models import Event
from notifications.models import Notification
from tests.checks import assert_refused, event_types
from tests.factories import BdmFactory, BrokerFactory
from tests.writes import nothing_written
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(world):
    return f"/api/applications/{world.ours.application.pk}/assign/"


def told(event_type: str) -> set[int]:
    return set(Notification.objects.filter(event__type=event_type).values_list("user", flat=True))


def test_old_and_new_hear_of_it(world, admin, address, dispatch):
    body = {"broker": world.theirs.broker.pk, "bd": world.theirs.bdm.pk}
    reply = admin.post(address, body)
    assert reply.status_code == 200
    shown = reply.json()
    assert (shown["broker"]["id"], shown["bd"]["id"]) == (world.theirs.broker.pk, world.theirs.bdm.pk)
    assert shown["branch"]["id"] == world.theirs.branch.pk  # the new BDM's
    dispatch()
    people = {world.ours.bd_user, world.ours.broker_user, world.theirs.bd_user, world.theirs.broker_user}
    assert told("application.assigned") == {user.pk for user in people}
    notification = Notification.objects.get(user=world.theirs.broker_user)
    ours, theirs = world.ours, world.theirs
    assert notification.body == (
        f"{ours.application.reference_number}: broker {ours.broker.full_name} → {theirs.broker.full_name}; "
        f"BDM {ours.bd_user.full_name} → {theirs.bd_user.full_name}; "
        f"branch {ours.branch.name} → {theirs.branch.name}."
    )


def test_who_is_responsible_decides_who_sees_it(world, api, admin, address):
    assert admin.post(address, {"broker": world.theirs.broker.pk}).status_code == 200
    one = address.removesuffix("assign/")
    assert api(world.ours.broker_user).get(one).status_code == 404
    assert api(world.theirs.broker_user).get(one).status_code == 200


def test_nobody_can_be_responsible(world, admin, address, dispatch):
    reply = admin.post(address, {"bd": None, "branch": None})
    assert (reply.json()["bd"], reply.json()["branch"]) == (None, None)
    assert reply.json()["broker"]["id"] == world.ours.broker.pk
    dispatch()
    assert told("application.assigned") == {world.ours.bd_user.pk}


def test_a_named_branch_is_kept(world, admin, address):
    body = {"bd": world.theirs.bdm.pk, "branch": world.ours.branch.pk}
    assert admin.post(address, body).json()["branch"]["id"] == world.ours.branch.pk


def test_an_edit_that_names_the_branch_keeps_it(world, admin, address):
    body = {"bd": world.theirs.bdm.pk, "branch": world.ours.branch.pk}
    reply = admin.patch(address.removesuffix("assign/"), body)
    assert (reply.json()["bd"]["id"], reply.json()["branch"]["id"]) == (body["bd"], body["branch"])


def test_what_stays_the_same_tells_nobody(world, admin, address):
    before = Event.objects.latest("pk").pk
    assert admin.post(address, {"broker": world.ours.broker.pk, "bd": world.ours.bdm.pk}).status_code == 200
    assert event_types(before) == []


def test_a_settled_loan_is_assigned_as_well(world, admin, address):
    Application.objects.filter(pk=world.ours.application.pk).update(stage="settled")
    assert admin.post(address, {"bd": world.theirs.bdm.pk}).status_code == 200


def test_an_edit_of_who_is_responsible_is_an_assignment(world, admin, address, dispatch):
    before = Event.objects.latest("pk").pk
    one = address.removesuffix("assign/")
    reply = admin.patch(one, {"purpose": "A barn", "broker": world.theirs.broker.pk})
    assert reply.status_code == 200
    assert event_types(before) == ["application.updated", "application.assigned"]
    assert Event.objects.get(type="application.updated").data["field_names"] == "purpose"


def test_an_empty_assignment_is_refused(admin, address):
    with nothing_written():
        reply = admin.post(address, {})
    assert_refused(reply, 400, "invalid", non_field_errors=["Name a broker, a BDM or a branch."])


def test_who_is_not_at_work_takes_nothing(world, admin, address):
    for model, row in ((Broker, world.theirs.broker), (Bdm, world.theirs.bdm), (Branch, world.theirs.branch)):
        model.objects.filter(pk=row.pk).update(is_active=False)
    body = {
        "broker": world.theirs.broker.pk,
        "bd": world.theirs.bdm.pk,
        "branch": world.theirs.branch.pk,
    }
    terms = {"loan_amount": "1000", "loan_term": 12, "interest_rate": "5"}
    with nothing_written():
        replies = [admin.post(address, body), admin.post("/api/applications/", {**terms, **body})]
    for reply in replies:
        assert_refused(
            reply,
            400,
            "invalid",
            broker=["This broker is not at work any more."],
            bd=["This BDM is not at work any more."],
            branch=["This branch is closed."],
        )


@pytest.mark.parametrize("change", [{"status": "suspended"}, {"status": "pending"}, {"role": "client"}])
def test_a_profile_whose_login_is_gone_takes_nothing(world, admin, address, change):
    theirs = world.theirs
    User.objects.filter(pk__in=[theirs.bd_user.pk, theirs.broker_user.pk]).update(**change)
    with nothing_written():
        reply = admin.post(address, {"broker": theirs.broker.pk, "bd": theirs.bdm.pk})
    assert_refused(
        reply,
        400,
        "invalid",
        broker=["This broker is not at work any more."],
        bd=["This BDM is not at work any more."],
    )


def test_a_suspended_bdm_is_not_there_to_choose(world, api, admin):
    broker, bdm = api(world.ours.broker_user), world.theirs.bdm
    address = f"/api/brokers/bdms/{bdm.pk}/"
    assert broker.get(address).status_code == 200
    assert admin.post(f"/api/users/users/{bdm.user_id}/suspend/").status_code == 200
    assert_refused(broker.get(address), 404, "not_found")
    assert admin.get(address).status_code == 200
    body = {"bd": bdm.pk}
    with nothing_written():
        reply = broker.patch(f"/api/applications/{world.ours.application.pk}/", body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["bd"])


def test_somebody_who_does_not_exist_is_refused(admin, address):
    with nothing_written():
        reply = admin.post(address, {"broker": 2**31})
    assert_refused(reply, 400, "invalid", broker=[f'Invalid pk "{2**31}" - object does not exist.'])


def test_a_broker_without_a_login_is_assigned_in_silence(world, admin, address, dispatch):
    silent = BrokerFactory.create(
        user=None, branch=world.ours.branch, first_name="A", last_name="B", email="a@b.co"
    )
    assert admin.post(address, {"broker": silent.pk}).json()["broker"]["name"] == "A B"
    dispatch()
    assert told("application.assigned") == {world.ours.broker_user.pk}


def test_a_bdm_of_the_same_branch_leaves_the_branch_alone(world, admin, address):
    colleague = BdmFactory.create(branch=world.ours.branch)
    admin.post(address, {"bd": colleague.pk})
    event = Event.objects.get(type="application.assigned")
    assert event.data["changes"] == f"BDM {world.ours.bd_user.full_name} → {colleague.user.full_name}"
