"""Leads: handed in, scored, moved, assigned, converted, counted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from rest_framework.settings import api_settings

from applications.choices import Stage
from applications.models import Application
from applications.services.stage import application_change_stage
from borrowers.models import Borrower
from engagement.choices import LeadStatus
from engagement.models import Lead
from engagement.services import conversion
from engagement.services.conversion import leads_follow_applications
from engagement.services.follow_ups import follow_ups_tell
from engagement.stages import MOVES, By
from events.models import Event
from notifications.models import Notification
from servicing.dates import business_date
from tests.clients import ApiClient
from tests.factories import BdmFactory, BorrowerFactory, LeadFactory
from tests.threads import statuses, together
from tests.writes import nothing_written
from users.services.api_keys import api_key_create

LEADS = "/api/leads/"
BODY = {"first_name": "Mia", "last_name": "Chen", "email": "Mia.Chen@Example.com", "phone": "0412 345 678"}
TERMS = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}


def at(lead, rest=""):
    return f"{LEADS}{lead.pk}/{rest}"


def key_of(world, user, *scopes):
    _, raw = api_key_create(actor=world.admin, user=user, name="Website", scopes=list(scopes))
    client = ApiClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    return client


# --- handing in -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_lead_is_normalised_scored_and_of_its_bringers_branch(world, api):
    reply = api(world.ours.bd_user).post(LEADS, BODY)
    assert reply.status_code == 201
    body = reply.json()
    assert (body["email"], body["phone"]) == ("mia.chen@example.com", "+61412345678")
    assert body["duplicate"] is False
    assert body["branch"]["id"] == world.ours.branch.pk
    assert body["score"] == sum(part["points"] for part in body["score_breakdown"].values()) == 12
    assert body["temperature"] == "cold"
    mine = api(world.ours.broker_user).post(LEADS, {**BODY, "email": "b@example.com", "phone": ""}).json()
    assert mine["assignee"]["id"] == world.ours.broker_user.pk


@pytest.mark.django_db
def test_somebody_who_asks_again_is_the_same_lead(world, api):
    client = api(world.admin)
    first = client.post(LEADS, BODY).json()
    again = client.post(LEADS, {**BODY, "email": "other@example.com", "loan_amount": "1000.00"})
    assert again.status_code == 200
    body = again.json()
    assert (body["id"], body["duplicate"], body["submission_count"]) == (first["id"], True, 2)
    assert (body["email"], body["loan_amount"]) == ("mia.chen@example.com", "1000.00")
    assert body["score"] > first["score"]
    assert Event.objects.filter(type="lead.submitted_again", subject_id=first["id"]).count() == 1


@pytest.mark.django_db
def test_asking_again_fills_in_what_is_not_known_and_no_more(world, api):
    client = api(world.admin)
    known = {"is_decision_maker": False, "deposit": "0.00", "consent_to_contact": True}
    client.post(LEADS, {**BODY, **known})
    other = {"is_decision_maker": True, "deposit": "5.00", "consent_to_contact": False}
    body = client.post(LEADS, {**BODY, **other, "annual_income": "0"}).json()
    assert {name: body[name] for name in known} == known
    assert body["annual_income"] == "0.00"


@pytest.mark.django_db
def test_after_the_window_or_once_it_is_lost_it_is_another_lead(world, api):
    client = api(world.admin)
    first = client.post(LEADS, BODY).json()["id"]
    Lead.objects.filter(pk=first).update(last_submitted_at=timezone.now() - timedelta(days=31))
    second = client.post(LEADS, BODY)
    assert second.status_code == 201
    Lead.objects.filter(pk=second.json()["id"]).update(status="lost", lost_reason="Gone")
    assert client.post(LEADS, BODY).status_code == 201


@pytest.mark.django_db
def test_a_lead_that_the_caller_does_not_see_is_neither_touched_nor_told_of(world, api):
    theirs = LeadFactory.create(email="mia.chen@example.com", branch=world.theirs.branch)
    reply = api(world.ours.bd_user).post(LEADS, BODY)
    assert (reply.status_code, reply.json()["duplicate"]) == (201, False)
    theirs.refresh_from_db()
    assert theirs.submission_count == 1


@pytest.mark.django_db(transaction=True)
def test_of_submissions_at_once_one_makes_the_lead(world):
    posts = [lambda: ApiClient(world.admin).post(LEADS, BODY) for _ in range(4)]
    assert statuses(together(*posts)) == [200, 200, 200, 201]
    assert Lead.objects.get(email="mia.chen@example.com").submission_count == 4


@pytest.mark.django_db
def test_a_key_for_handing_in_reads_nothing(world):
    client = key_of(world, world.admin, "leads:create")
    reply = client.post(LEADS, BODY)
    assert (reply.status_code, reply.content) == (204, b"")
    assert client.post(LEADS, BODY).status_code == 204
    lead = Lead.objects.get(email="mia.chen@example.com")
    assert lead.submission_count == 2
    for path in (LEADS, at(lead), at(lead, "timeline/"), f"{LEADS}hot/", f"{LEADS}stats/"):
        assert client.get(path).status_code == 403, path
    with nothing_written():
        assert client.patch(at(lead), {"urgency": "high"}).status_code == 403
        assert client.post(at(lead, "score/")).status_code == 403
    assert client.post("/api/borrowers/", BODY).status_code == 403


@pytest.mark.django_db
def test_only_leads_take_keys_for_handing_in(world, api):
    body = {"name": "Website", "scopes": ["borrowers:create"]}
    reply = api(world.admin).post("/api/users/api-keys/", body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == ["scopes"]
    body["scopes"] = ["leads:create"]
    assert api(world.admin).post("/api/users/api-keys/", body).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    "signs",
    [
        {"website": "http://spam.example"},
        {"form_seconds": 2},
        {"first_name": "www.spam.example"},
        {"message": "http://a.example http://b.example https://c.example"},
    ],
)
def test_what_a_program_wrote_is_refused(world, api, signs):
    client = api(world.admin)
    with nothing_written():
        reply = client.post(LEADS, {**BODY, **signs})
    assert (reply.status_code, reply.json()["code"]) == (400, "spam_suspected")
    assert list(reply.json()["errors"]) == list(signs)


@pytest.mark.django_db
def test_a_key_and_an_address_hand_in_so_many(world, monkeypatch):

    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "lead_address": "2/hour"}
    monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", rates, raising=False)
    one, other = (key_of(world, world.admin, "leads:create") for _ in range(2))
    codes = [client.post(LEADS, BODY).status_code for client in (one, other, one)]
    assert codes == [204, 204, 429]
    assert ApiClient(world.admin).post(LEADS, BODY).status_code == 200


@pytest.mark.django_db
def test_the_same_idempotency_key_is_one_submission(world, api):
    client = api(world.admin)
    first = client.post(LEADS, BODY, headers={"Idempotency-Key": "one"})
    again = client.post(LEADS, BODY, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert Lead.objects.get(pk=first.json()["id"]).submission_count == 1


@pytest.mark.django_db
def test_somebody_who_cannot_be_reached_is_refused(world, api):
    client = api(world.admin)
    with nothing_written():
        reply = client.post(LEADS, {"first_name": "Mia", "last_name": "Chen"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["email"])


# --- moving ---------------------------------------------------------------------------------------


def put_in(lead, status, world):
    fields = {"status": status, "lost_reason": "Gone" if status == LeadStatus.LOST else ""}
    if status in (LeadStatus.APPLICATION_STARTED, LeadStatus.WON):
        fields |= {"converted_at": timezone.now(), "borrower": world.ours.borrower}
    Lead.objects.filter(pk=lead.pk).update(**fields)


@pytest.mark.django_db
@pytest.mark.parametrize("here", LeadStatus)
def test_every_status_leads_where_the_table_says_and_nowhere_else(world, api, here):
    client = api(world.ours.broker_user)
    lead = world.ours.lead
    legal = [there for (a, there), move in MOVES.items() if a == here and move.by is By.PEOPLE]
    for there in LeadStatus:
        put_in(lead, here, world)
        reply = client.put(at(lead, "status/"), {"status": there, "reason": "Because"})
        if there in legal:
            assert (reply.status_code, reply.json()["status"]) == (200, there)
        else:
            assert (reply.status_code, reply.json()["code"]) == (409, "illegal_lead_move")
            assert reply.json()["allowed_statuses"] == legal
        Lead.objects.filter(pk=lead.pk).update(converted_at=None, borrower=None, status="new", lost_reason="")


@pytest.mark.django_db
def test_to_lose_a_lead_needs_a_reason_and_the_timeline_tells(world, api):
    client, lead = api(world.ours.bd_user), world.ours.lead
    with nothing_written():
        reply = client.put(at(lead, "status/"), {"status": "lost"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["reason"])
    client.put(at(lead, "status/"), {"status": "lost", "reason": "Went to a bank"})
    entry = client.get(at(lead, "timeline/")).json()["results"][0]
    assert (entry["type"], entry["data"]["reason"]) == ("lead.status_changed", "Went to a bank")
    assert client.get(at(lead)).json()["lost_reason"] == "Went to a bank"


@pytest.mark.django_db
def test_an_edit_is_scored(world, api):
    client, lead = api(world.ours.broker_user), world.ours.lead
    before = client.post(at(lead, "score/")).json()["score"]
    after = client.patch(at(lead), {"is_decision_maker": True}).json()["score"]
    assert after == before + 10


# --- assigning ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_whoever_gets_a_lead_is_told(world, api, dispatch):
    lead = world.ours.lead
    reply = api(world.admin).post(at(lead, "assign/"), {"assignee": world.theirs.bd_user.pk})
    assert reply.status_code == 200
    assert reply.json()["branch"]["id"] == world.theirs.branch.pk
    dispatch()
    told = Notification.objects.filter(notification_type="lead_assigned")
    assert list(told.values_list("user", flat=True)) == [world.theirs.bd_user.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["client_user", None])
def test_a_lead_goes_to_a_bdm_or_a_broker_only(world, api, who):
    user = getattr(world.ours, who) if who else world.admin
    client = api(world.admin)
    with nothing_written():
        reply = client.post(at(world.ours.lead, "assign/"), {"assignee": user.pk})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["assignee"])


@pytest.mark.django_db
def test_turns_go_round_and_loads_are_evened_out(world, api):
    client, branch = api(world.ours.bd_user), world.ours.branch
    bdms = [world.ours.bdm, BdmFactory.create(branch=branch), BdmFactory.create(branch=branch)]
    leads = [LeadFactory.create(branch=branch) for _ in range(4)]

    def assigned(lead, method):
        return client.post(at(lead, "assign/"), {"method": method}).json()["assignee"]["id"]

    ids = [bdm.user_id for bdm in bdms]
    assert [assigned(lead, "round_robin") for lead in leads] == [*ids, ids[0]]
    more = [LeadFactory.create(branch=branch) for _ in range(2)]
    assert [assigned(lead, "by_load") for lead in more] == ids[1:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["round_robin", "by_load"])
def test_two_at_once_go_to_different_people(world, method):
    branch = world.ours.branch
    BdmFactory.create(branch=branch)
    leads = [LeadFactory.create(branch=branch) for _ in range(2)]
    clients = [ApiClient(world.admin) for _ in leads]
    acts = [
        lambda c=client, x=lead: c.post(at(x, "assign/"), {"method": method})
        for client, lead in zip(clients, leads, strict=True)
    ]
    replies = together(*acts)
    assert statuses(replies) == [200, 200]
    assert len({reply.json()["assignee"]["id"] for reply in replies}) == 2


@pytest.mark.django_db
def test_a_branch_without_anybody_at_work_takes_no_lead(world, api):
    world.ours.bdm.is_active = False
    world.ours.bdm.save()
    client = api(world.admin)
    with nothing_written():
        reply = client.post(at(world.ours.lead, "assign/"), {"method": "by_load"})
    assert (reply.status_code, reply.json()["code"]) == (409, "nobody_at_work")


# --- following up ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_follow_up_is_told_once_also_late_and_again_for_another_day(world, dispatch):
    lead = world.ours.lead
    today = business_date()
    Lead.objects.filter(pk=lead.pk).update(follow_up_on=today - timedelta(days=4))
    LeadFactory.create(follow_up_on=today + timedelta(days=1), assignee=lead.assignee, branch=lead.branch)
    LeadFactory.create(follow_up_on=today, branch=lead.branch)
    assert [follow_ups_tell(), follow_ups_tell()] == [1, 0]
    Lead.objects.filter(pk=lead.pk).update(follow_up_on=today)
    assert [follow_ups_tell(), follow_ups_tell()] == [1, 0]
    dispatch()
    assert Notification.objects.filter(user=lead.assignee, notification_type="lead_assigned").count() == 2


@pytest.mark.django_db
def test_due_follow_ups_are_listed(world, api):
    client, lead = api(world.ours.bd_user), world.ours.lead
    day = business_date()
    Lead.objects.filter(pk=lead.pk).update(follow_up_on=day)
    other = LeadFactory.create(branch=world.ours.branch)

    def ids(query):
        return {row["id"] for row in client.get(f"{LEADS}?{query}").json()["results"]}

    assert ids("follow_up_due=true") == ids(f"follow_up_before={day}") == {lead.pk}
    assert ids("follow_up_due=false") == {other.pk}
    assert ids(f"follow_up_after={day + timedelta(days=1)}") == set()


# --- converting -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_lead_becomes_a_borrower_and_an_application(world, api):
    client, lead = api(world.ours.bd_user), world.ours.lead
    reply = client.post(at(lead, "convert/"), TERMS)
    assert reply.status_code == 200
    body = reply.json()
    made = Application.objects.get(pk=body["application"])
    assert (body["status"], body["application_reference"]) == ("application_started", made.reference_number)
    assert (made.broker, made.branch) == (world.ours.broker, world.ours.branch)
    assert list(made.borrowers.values_list("pk", "email")) == [(body["borrower"], lead.email)]
    types = Event.objects.filter(subject_type="lead", subject_id=lead.pk).values_list("type", flat=True)
    assert set(types) == {"lead.status_changed", "lead.converted"}
    with nothing_written():
        again = client.post(at(lead, "convert/"), TERMS)
    assert (again.status_code, again.json()["code"]) == (409, "lead_not_convertible")
    assert client.put(at(lead, "status/"), {"status": "contacted"}).json()["allowed_statuses"] == []


@pytest.mark.django_db
def test_a_borrower_who_may_be_the_same_is_offered_first(world, api):
    client, lead = api(world.ours.broker_user), world.ours.lead
    known = BorrowerFactory.create(email=lead.email, created_by=world.ours.broker_user)
    BorrowerFactory.create(email=lead.email, created_by=world.theirs.broker_user)
    with nothing_written():
        reply = client.post(at(lead, "convert/"), TERMS)
    assert (reply.status_code, reply.json()["code"]) == (409, "possible_duplicate")
    assert [row["id"] for row in reply.json()["candidates"]] == [known.pk]
    body = client.post(at(lead, "convert/"), {**TERMS, "borrower": known.pk}).json()
    assert body["borrower"] == known.pk


@pytest.mark.django_db
def test_a_new_borrower_is_made_if_that_is_meant(world, api):
    lead = world.ours.lead
    BorrowerFactory.create(email=lead.email, created_by=world.ours.broker_user)
    before = Borrower.objects.count()
    reply = api(world.ours.broker_user).post(at(lead, "convert/"), {**TERMS, "force_new": True})
    assert (reply.status_code, Borrower.objects.count()) == (200, before + 1)


@pytest.mark.django_db
def test_what_the_application_refuses_leaves_the_lead_as_it_was(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        body = {"loan_term": 360, "interest_rate": "6.2500"}
        reply = client.post(at(world.ours.lead, "convert/"), body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["loan_amount"])


@pytest.mark.django_db
@pytest.mark.parametrize("born", ["2999-01-01", "1899-12-31"])
def test_a_borrower_is_born_when_people_are(world, api, born):
    client = api(world.admin)
    with nothing_written():
        reply = client.post(at(world.ours.lead, "convert/"), {**TERMS, "date_of_birth": born})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["date_of_birth"])


@pytest.mark.django_db(transaction=True)
def test_of_conversions_at_once_one_is_made(world):
    lead, before = world.ours.lead, Application.objects.count()
    acts = [lambda: ApiClient(world.ours.bd_user).post(at(lead, "convert/"), TERMS) for _ in range(3)]
    assert statuses(together(*acts)) == [200, 409, 409]
    assert Application.objects.count() == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_borrower_who_is_just_merged_away_is_not_lent_to(world, monkeypatch):
    duplicate = BorrowerFactory.create()
    create = conversion.application_create_with_cascade
    merge = f"/api/borrowers/{world.ours.borrower.pk}/merge/"

    def create_while_merged(**fields):
        # In a thread: by another connection, while this transaction is open.
        together(lambda: ApiClient(world.admin).post(merge, {"duplicate": duplicate.pk}))
        return create(**fields)

    monkeypatch.setattr(conversion, "application_create_with_cascade", create_while_merged)
    lead, client = world.ours.lead, ApiClient(world.admin)
    reply = client.post(at(lead, "convert/"), {**TERMS, "borrower": duplicate.pk})
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")
    lead.refresh_from_db()
    assert (lead.status, lead.application) == ("new", None)


@pytest.mark.django_db
def test_a_lead_follows_its_application(world, api, dispatch):
    lead = world.ours.lead
    pk = api(world.ours.bd_user).post(at(lead, "convert/"), TERMS).json()["application"]
    application = Application.objects.get(pk=pk)

    def move(to):
        application_change_stage(application=application, to=to, actor=world.admin, reason="Because")
        dispatch()
        lead.refresh_from_db()
        return lead.status, lead.lost_reason

    assert move(Stage.DECLINED) == ("lost", "Application declined")
    assert move(Stage.INQUIRY) == ("application_started", "")
    assert move(Stage.WITHDRAWN) == ("lost", "Application withdrawn")
    move(Stage.INQUIRY)
    Application.objects.filter(pk=pk).update(stage=Stage.SETTLED)
    leads_follow_applications([pk])
    lead.refresh_from_db()
    assert lead.status == "won"
    count = Event.objects.filter(type="lead.status_changed", subject_id=lead.pk).count()
    leads_follow_applications([pk])
    assert Event.objects.filter(type="lead.status_changed", subject_id=lead.pk).count() == count


@pytest.mark.django_db
def test_a_lead_whose_application_is_deleted_is_lost(world, api, dispatch):
    lead = world.ours.lead
    pk = api(world.admin).post(at(lead, "convert/"), TERMS).json()["application"]
    assert api(world.admin).delete(f"/api/applications/{pk}/").status_code == 204
    dispatch()
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("lost", "Application deleted")


# --- figures --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_funnel_of_no_leads_has_no_rates(world, api):
    Lead.objects.all().delete()
    body = api(world.ours.bd_user).get(f"{LEADS}stats/").json()
    rates = [body[name] for name in ("conversion_rate", "win_rate", "average_days_to_convert")]
    assert (body["total"], rates, body["by_assignee"]) == (0, [None] * 3, [])
    assert set(body["by_status"]) == set(LeadStatus.values)
    assert set(body["definitions"]) <= set(body)


@pytest.mark.django_db
def test_the_funnel_counts_visible_leads_of_the_days_asked_for(world, api):
    branch, now = world.ours.branch, timezone.now()
    done = {"converted_at": now, "borrower": world.ours.borrower, "branch": branch, "source": "referral"}
    rows = [
        LeadFactory.create(status="won", **done),
        LeadFactory.create(status="lost", lost_reason="Gone", **done),
        LeadFactory.create(status="application_started", **done),
    ]
    for days, lead in zip((1, 2, 6), rows, strict=True):
        Lead.objects.filter(pk=lead.pk).update(created_at=now - timedelta(days=days))
    body = api(world.ours.bd_user).get(f"{LEADS}stats/").json()
    assert (body["total"], body["converted"], body["won"], body["lost"]) == (4, 3, 1, 1)
    assert (body["conversion_rate"], body["win_rate"]) == ("75.00", "50.00")
    assert body["average_days_to_convert"] == "3.00"
    referral = next(row for row in body["by_source"] if row["source"] == "referral")
    assert referral == {"source": "referral", "total": 3, "converted": 3, "conversion_rate": "100.00"}
    assert [row["total"] for row in body["by_assignee"]] == [3, 1]
    day = business_date(now - timedelta(days=2))
    part = api(world.ours.bd_user).get(f"{LEADS}stats/?date_from={day}&date_to={day}").json()
    assert part["total"] == 1


@pytest.mark.django_db
def test_days_of_coming_in_are_the_lenders_as_on_the_dashboard(world, api):
    bd = api(world.ours.bd_user)
    # The last minute of 2 March in Sydney, and the first of the next day: both are 2 March in UTC.
    for moment in (datetime(2026, 3, 2, 12, 59, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC)):
        Lead.objects.filter(pk=LeadFactory.create(branch=world.ours.branch).pk).update(created_at=moment)
    for day in ("2026-03-02", "2026-03-03"):
        query = f"?date_from={day}&date_to={day}"
        assert bd.get(f"{LEADS}stats/{query}").json()["total"] == bd.get(LEADS + query).json()["count"] == 1
        tiles = bd.get(f"/api/analytics/leads/?start_date={day}&end_date={day}").json()["tiles"]
        assert next(tile for tile in tiles if tile["key"] == "new_leads")["value"] == "1.00"


@pytest.mark.django_db
def test_hot_leads_come_hottest_first(world, api):
    hot = [LeadFactory.create(score=score, temperature="hot", branch=world.ours.branch) for score in (80, 95)]
    rows = api(world.ours.bd_user).get(f"{LEADS}hot/").json()["results"]
    assert [row["id"] for row in rows] == [hot[1].pk, hot[0].pk]


@pytest.mark.django_db
def test_a_converted_lead_is_not_deleted(world, api):
    api(world.admin).post(at(world.ours.lead, "convert/"), TERMS)
    client = api(world.admin)
    with nothing_written():
        assert client.delete(at(world.ours.lead)).status_code == 409
    assert api(world.admin).delete(at(world.theirs.lead)).status_code == 204


@pytest.mark.django_db
def test_whoever_a_converted_lead_is_given_to_reads_of_the_application_if_they_see_it(world, api):
    assert api(world.ours.bd_user).post(at(world.ours.lead, "convert/"), TERMS).status_code == 200
    made = Application.objects.get(lead=world.ours.lead)
    assign = {"assignee": world.theirs.broker_user.pk}
    assert api(world.admin).post(at(world.ours.lead, "assign/"), assign).status_code == 200
    known = {world.admin: True, world.theirs.broker_user: False, world.theirs.bd_user: False}
    for user, knows in known.items():
        client = api(user)
        shown = client.get(at(world.ours.lead)).json()
        reference = made.reference_number if knows else None
        assert shown["application_reference"] == reference
        assert (shown["application"], shown["borrower"] is None) == (made.pk if knows else None, not knows)
        assert shown["status"] == "application_started"
        [row] = [row for row in client.get(LEADS).json()["results"] if row["id"] == world.ours.lead.pk]
        assert row["application"] == shown["application"]
        story = client.get(at(world.ours.lead, "timeline/")).json()["results"]
        assert ("lead.converted" in {row["type"] for row in story}) is knows
        assert knows or made.reference_number not in str([shown, row, story])
