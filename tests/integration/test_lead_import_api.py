"""Importing files of leads."""

import csv
import io

import pytest

from engagement.models import Lead
from events.models import Event
from jobs.models import Job, JobInput
from jobs.services.running import job_run
from notifications.models import Notification
from tests.factories import BdmFactory, LeadFactory, PartnershipFactory
from tests.tables import csv_file, imported, report, send, xlsx_file
from tests.writes import fingerprint, nothing_written
from users.choices import AccountStatus

pytestmark = pytest.mark.django_db
ADDRESS = "/api/leads/bulk-import/"
FULL = {
    "first_name": "Mia",
    "last_name": "Chen",
    "email": "Mia@Example.com",
    "phone": "0412 345 678",
    "source": "walk_in",
    "loan_amount": "450000.00",
    "application_type": "residential",
    "is_decision_maker": "yes",
    "follow_up_on": "2027-03-31",
    "consent_to_contact": "true",
    # What a form would be refused for is no matter in a list that staff bring.
    "message": "http://a.example http://b.example http://c.example",
}


def lead(number, **cells):
    return {"first_name": "Mia", "last_name": "Chen", "email": f"import{number}@example.com", **cells}


def load(client, *rows, **form):
    return imported(client, csv_file(*rows), address=ADDRESS, **form)


def counts(**given):
    return {"created": 0, "skipped": 0, "valid": 0, "failed": 0, **given}


def written():
    kept = ("jobs_", "events_", "users_")
    return {name: value for name, value in fingerprint().items() if not name.startswith(kept)}


@pytest.mark.parametrize("file", [csv_file, xlsx_file])
def test_a_row_becomes_a_scored_lead_of_its_bringers_branch(world, api, file):
    client = api(world.ours.bd_user)
    reply = send(client, file(FULL), address=ADDRESS)
    assert reply.status_code == 202
    assert reply.json()["kind"] == "leads.bulk_import"
    assert reply.json()["parameters"] == {
        "dry_run": False, "mode": "partial", "duplicates": "skip", "assign": "", "rows": 1,
    }  # fmt: skip
    job_run(reply.json()["id"])
    job = client.get(reply["Location"]).json()
    assert (job["status"], job["counts"]) == ("succeeded", counts(created=1))
    (line,) = report(client, job)
    body = client.get(f"/api/leads/{line['lead_id']}/").json()
    assert (line["row"], line["outcome"], line["name"]) == (2, "created", "Mia Chen")
    assert (body["email"], body["phone"]) == ("mia@example.com", "+61412345678")
    assert (body["follow_up_on"], body["is_decision_maker"], body["source"]) == (
        "2027-03-31",
        True,
        "walk_in",
    )
    assert body["consented_at"] is not None
    assert body["branch"]["id"] == world.ours.branch.pk
    assert body["score"] == sum(part["points"] for part in body["score_breakdown"].values()) > 0
    assert Event.objects.filter(type="lead.created", subject_id=line["lead_id"]).count() == 1


def test_whoever_is_an_open_lead_already_is_skipped_and_not_counted_as_asking_again(world, api):
    client = api(world.ours.bd_user)
    known = LeadFactory.create(email="import1@example.com", branch=world.ours.branch)
    theirs = LeadFactory.create(email="import3@example.com", branch=world.theirs.branch)
    job = load(client, lead(1), lead(2, phone="0412 345 678"), lead(4, phone="+61 412 345 678"), lead(3))
    assert job["counts"] == counts(created=2, skipped=2)
    lines = report(client, job)
    made = lines[1]["lead_id"]
    assert [line.get("duplicate_of") for line in lines] == [known.pk, None, made, None]
    for one in (known, theirs):
        one.refresh_from_db()
        assert one.submission_count == 1
    before = written()
    assert load(client, lead(1), lead(2), lead(3))["counts"] == counts(skipped=3)
    assert written() == before


def test_they_are_kept_if_that_is_said(world, api):
    client = api(world.ours.bd_user)
    known = LeadFactory.create(email="import1@example.com", branch=world.ours.branch)
    job = load(client, lead(1), lead(1), duplicates="keep")
    assert job["counts"] == counts(created=2)
    assert [line.get("duplicate_of") for line in report(client, job)] == [known.pk, known.pk]
    assert Lead.objects.filter(email="import1@example.com").count() == 3


def test_a_dry_run_says_what_would_come_and_writes_nothing(world, api):
    client = api(world.ours.bd_user)
    LeadFactory.create(email="import1@example.com", branch=world.ours.branch)
    before = written()
    job = load(client, lead(1), lead(2), lead(2), lead(3, loan_amount="x"), dry_run="true", assign="by_load")
    assert job["counts"] == counts(valid=1, skipped=2, failed=1)
    lines = report(client, job)
    assert [line["outcome"] for line in lines] == ["skipped", "valid", "skipped", "failed"]
    assert lines[2]["duplicate_row"] == 3
    assert written() == before


def test_errors_are_of_rows_and_of_columns(world, api):
    partner = PartnershipFactory.create(branch=world.theirs.branch)
    rows = [
        lead(1, email=""),
        lead(2, phone="12"),
        lead(3, is_decision_maker="maybe", follow_up_on="31/03/2027"),
        lead(4, source="dream"),
        lead(5, branch=world.ours.branch.code),
        lead(6, assignee="nobody@example.com"),
        lead(7, partnership=str(partner.pk)),
        lead(8),
    ]
    client = api(world.ours.bd_user)
    job = load(client, *rows)
    assert job["counts"] == counts(created=1, failed=7)
    columns = [sorted(entry["errors"]) for entry in job["result"]["errors"]]
    assert columns == [
        ["email"], ["phone"], ["follow_up_on", "is_decision_maker"], ["source"], ["branch"], ["assignee"],
        ["partnership"],
    ]  # fmt: skip
    assert job["result"]["errors"][0]["name"] == "Mia Chen"


def test_all_or_nothing_writes_nothing_if_a_row_has_errors(world, api):
    client = api(world.ours.bd_user)
    before = written()
    job = load(client, lead(1), lead(2, email="x"), mode="all_or_nothing")
    assert (job["status"], job["counts"]) == ("failed", counts(valid=1, failed=1))
    assert written() == before
    assert load(client, lead(1), lead(1), mode="all_or_nothing")["counts"] == counts(created=1, skipped=1)


def test_leads_are_given_out_by_the_rule_or_as_the_row_says(world, api, dispatch):
    ours = world.ours
    other = BdmFactory.create(branch=ours.branch)
    rows = [lead(1), lead(2), lead(3, assignee=ours.broker_user.email.upper())]
    job = load(api(ours.bd_user), *rows, assign="round_robin")
    assert job["counts"] == counts(created=3)
    found = [Lead.objects.get(email=f"import{number}@example.com").assignee_id for number in (1, 2, 3)]
    assert found == [ours.bd_user.pk, other.user_id, ours.broker_user.pk]
    dispatch()
    told = Notification.objects.filter(notification_type="lead_assigned").values_list("user", flat=True)
    assert sorted(told) == sorted([other.user_id, ours.broker_user.pk])


def test_an_administrator_names_branches_by_code_and_rows_without_one_are_not_given_out(world, api):
    job = load(
        api(world.admin), lead(1, branch=world.theirs.branch.code), lead(2, branch=""), assign="by_load"
    )
    assert job["counts"] == counts(created=1, failed=1)
    assert list(job["result"]["errors"][0]["errors"]) == ["branch"]
    assert not Lead.objects.filter(email="import2@example.com").exists()
    assert Lead.objects.get(email="import1@example.com").assignee == world.theirs.bd_user


def test_the_leads_of_a_broker_are_their_own(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        refused = send(client, csv_file(lead(1)), address=ADDRESS, assign="by_load")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["assign"])
    job = load(client, lead(1), lead(2, assignee=world.ours.bd_user.email))
    assert job["counts"] == counts(created=1, failed=1)
    assert Lead.objects.get(email="import1@example.com").assignee == world.ours.broker_user


@pytest.mark.parametrize("mode", ["partial", "all_or_nothing"])
def test_a_job_that_is_repeated_makes_no_lead_twice(world, api, mode):
    client = api(world.ours.bd_user)
    rows = (lead(1), lead(2), lead(3))
    job = load(client, *rows, mode=mode, duplicates="keep")
    # As if the worker had been killed between the last row and the end.
    fresh = {"status": "queued", "finished_at": None, "counts": {}, "result": None, "done": 0, "total": 0}
    Job.objects.filter(pk=job["id"]).update(**fresh)
    JobInput.objects.create(job_id=job["id"], content=csv_file(*rows))
    if mode == "partial":  # and before the last row
        Lead.objects.get(email="import3@example.com").delete()
        Job.objects.get(pk=job["id"]).rows.get(number=4).delete()
    job_run(job["id"])
    again = client.get(f"/api/jobs/{job['id']}/").json()
    assert (again["status"], again["counts"], again["attempts"]) == ("succeeded", counts(created=3), 2)
    assert Lead.objects.filter(email__startswith="import").count() == 3


def test_an_importer_who_was_suspended_meanwhile_imports_nothing(world, api):
    client = api(world.ours.bd_user)
    job = send(client, csv_file(lead(1)), address=ADDRESS).json()
    world.ours.bd_user.status = AccountStatus.SUSPENDED
    world.ours.bd_user.save()
    job_run(job["id"])
    assert Job.objects.get(pk=job["id"]).message == "You may not import leads any more."
    assert not Lead.objects.filter(email="import1@example.com").exists()


def test_the_template_is_a_file_that_is_taken(world, api):
    client = api(world.ours.bd_user)
    content = b"".join(client.get(f"{ADDRESS}template/", {"format": "csv"}))
    (example,) = csv.DictReader(io.StringIO(content.decode()))
    assert (example["first_name"], example["branch"]) == ("Mia", "")
    assert imported(client, content, address=ADDRESS)["counts"] == counts(created=1)


def test_the_file_as_a_whole_is_checked_at_once(world, api, settings):
    client = api(world.ours.bd_user)
    settings.IMPORT_MAX_ROWS = 1
    with nothing_written():
        for content in (csv_file({"email": "a@example.com"}), csv_file(lead(1), lead(2)), b""):
            reply = send(client, content, address=ADDRESS)
            assert (reply.status_code, list(reply.json()["errors"])) == (400, ["file"])
        settings.IMPORT_MAX_BYTES = 10
        assert send(client, csv_file(lead(1)), address=ADDRESS).status_code == 413
