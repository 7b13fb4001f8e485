"""Importing files of applications."""

import io
import zipfile
from datetime import date, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from openpyxl import Workbook

from applications.imports import running
from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.errors import InvalidInput
from events.models import Event
from jobs.models import Job, JobInput
from jobs.services.running import Run, job_run
from tests.checks import assert_refused
from tests.factories import BranchFactory, BrokerFactory, UserFactory
from tests.tables import ADDRESS, TERMS, csv_file, imported, report, row, send, xlsx_file
from tests.writes import fingerprint, nothing_written
from users.choices import AccountStatus, Role

pytestmark = pytest.mark.django_db

FULL = row(
    "L-1",
    application_type="refinance",
    purpose='A "house",\nby the sea',
    repayment_frequency="fortnightly",
    estimated_settlement_date="2027-03-31",
    borrower_first_name="Mia",
    borrower_last_name="Chen",
    borrower_date_of_birth="1988-05-17",
    borrower_email="mia@example.com",
    borrower_phone="0412 345 678",
    security_type="first_mortgage",
    security_state="NSW",
    security_postcode="2000",
    security_value="600000.00",
)


def book() -> dict:
    """Every table but those of jobs and the log of events."""
    return {
        name: value
        for name, value in fingerprint().items()
        if not name.startswith(("jobs_", "events_", "users_"))
    }


def errors_of(job) -> dict[int, dict]:
    return {entry["row"]: entry["errors"] for entry in job["result"]["errors"]}


def counts(**given):
    return {"created": 0, "skipped": 0, "valid": 0, "failed": 0, **given}


def test_a_row_becomes_an_application_with_its_borrower_and_security(world, api, broker):
    reply = send(broker, csv_file(FULL))
    assert reply.status_code == 202
    queued = reply.json()
    assert (queued["kind"], queued["status"]) == ("applications.bulk_import", "queued")
    assert queued["parameters"] == {"dry_run": False, "mode": "partial", "rows": 1}
    assert reply["Location"] == f"http://testserver/api/jobs/{queued['id']}/"
    job_run(queued["id"])
    job = broker.get(reply["Location"]).json()
    assert job["status"] == "succeeded"
    assert job["progress"] == {"done": 1, "total": 1, "percent": 100}
    assert job["counts"] == job["result"]["counts"] == counts(created=1)
    assert job["message"] == "Imported: 1 created."
    made = broker.get("/api/applications/", {"client_reference": "L-1"}).json()["results"]
    (line,) = report(broker, job)
    assert line == {
        "row": 2,
        "outcome": "created",
        "client_reference": "L-1",
        "application_id": made[0]["id"],
        "reference_number": made[0]["reference_number"],
        "errors": {},
    }
    detail = broker.get(f"/api/applications/{made[0]['id']}/").json()
    assert detail["client_reference"] == "L-1"
    assert detail["purpose"] == 'A "house",\nby the sea'
    assert (detail["application_type"], detail["repayment_frequency"]) == ("refinance", "fortnightly")
    assert (detail["loan_amount"], detail["interest_rate"]) == ("450000.00", "6.2500")
    assert detail["estimated_settlement_date"] == "2027-03-31"
    assert detail["broker"]["id"] == world.ours.broker.pk
    assert detail["branch"]["id"] == world.ours.branch.pk
    assert [(one["email"], one["phone"]) for one in detail["borrowers"]] == [
        ("mia@example.com", "+61412345678")
    ]
    assert [one["value"] for one in detail["securities"]] == ["600000.00"]
    assert not JobInput.objects.exists()


def test_events_are_those_of_the_api_and_the_owner_is_told_of_the_end(world, broker, dispatch):
    last = Event.objects.latest("pk").pk
    imported(broker, csv_file(FULL))
    events = list(Event.objects.filter(pk__gt=last).order_by("pk").values_list("type", "actor_id"))
    own = world.ours.broker_user.pk
    assert events == [
        ("job.created", own),
        ("borrower.created", own),
        ("application.created", own),
        ("job.finished", None),
    ]
    dispatch()
    (told,) = broker.get("/api/users/notifications/").json()["results"]
    assert (told["notification_type"], told["title"]) == ("system", "Import of applications succeeded")
    assert told["body"] == "Imported: 1 created."


def test_an_administrator_names_people_by_address_and_branches_by_code(world, api):
    ours = world.ours
    client = api(world.admin)
    cells = {"broker": ours.broker.email.upper(), "bd": ours.bd_user.email, "branch": ours.branch.code}
    job = imported(client, csv_file(row("A", **cells), row("B", broker=str(ours.broker.pk))))
    assert job["counts"] == counts(created=2)
    for application in Application.objects.filter(client_reference__in=["A", "B"]):
        assert (application.broker, application.branch) == (ours.broker, ours.branch)


def test_names_that_lead_nowhere_or_to_several_are_refused_by_row(world, api):
    twin = BrokerFactory.create(email="twin@example.com")
    BrokerFactory.create(email="twin@example.com")
    rows = [
        row("A", broker="nobody@example.com"),
        row("B", broker=twin.email),
        row("C", branch="NOWHERE"),
        row("D", broker="999999999"),
    ]
    job = imported(api(world.admin), csv_file(*rows))
    assert job["counts"] == counts(failed=4)
    assert errors_of(job) == {
        2: {"broker": ["There is none with this id or e-mail address."]},
        3: {"broker": ["There are several with this e-mail address; give the id."]},
        4: {"branch": ["There is none with this id or code."]},
        5: {"broker": ['Invalid pk "999999999" - object does not exist.']},
    }


def test_a_branch_code_of_digits_is_a_code_before_it_is_an_id(world, api):
    ours, theirs = world.ours.branch, world.theirs.branch
    numbered = BranchFactory.create(code="99000001")
    BranchFactory.create(code=str(theirs.pk))
    rows = [
        row("A", branch=numbered.code),
        row("B", branch=str(ours.pk)),
        row("C", branch=str(theirs.pk)),
        row("D", branch="99000002"),
    ]
    job = imported(api(world.admin), csv_file(*rows))
    assert errors_of(job) == {
        4: {
            "branch": [
                "This is the code of one and the id of another. Name the one you mean in the other way."
            ]
        },
        5: {"branch": ['Invalid pk "99000002" - object does not exist.']},
    }
    found = Application.objects.filter(client_reference__in="AB").order_by("client_reference")
    assert [application.branch for application in found] == [numbered, ours]


def test_a_broker_reaches_nothing_of_the_other_side(world, broker):
    theirs = world.theirs
    rows = [
        row("A", broker=str(theirs.broker.pk)),
        row("B", broker=theirs.broker.email),
        row("C", borrower_id=str(theirs.borrower.pk)),
        row("D", branch=theirs.branch.code),
    ]
    before = book()
    job = imported(broker, csv_file(*rows))
    assert errors_of(job) == {
        2: {"broker": [f'Invalid pk "{theirs.broker.pk}" - object does not exist.']},
        3: {"broker": ["There is none with this id or e-mail address."]},
        4: {"borrower_id": [f'Invalid pk "{theirs.borrower.pk}" - object does not exist.']},
        5: {"branch": ["This is not yours to set."]},
    }
    assert book() == before


def test_a_known_borrower_is_put_on_the_application(world, broker):
    imported(broker, csv_file(row("A", borrower_id=str(world.ours.borrower.pk))))
    made = Application.objects.get(client_reference="A")
    assert list(made.borrowers.all()) == [world.ours.borrower]


def test_an_address_that_a_borrower_has_already_makes_another_borrower_as_the_api_does(world, broker):
    cells = {"borrower_first_name": "B", "borrower_last_name": "B"}
    job = imported(broker, csv_file(row("A", borrower_email=world.ours.borrower.email, **cells)))
    assert job["counts"] == counts(created=1)
    assert Borrower.objects.filter(email=world.ours.borrower.email).count() == 2


def test_a_company_borrows(broker):
    imported(broker, csv_file(row("A", borrower_company_name="Novak Pty Ltd", borrower_abn="51 824 753 556")))
    (company,) = Application.objects.get(client_reference="A").borrowers.all()
    assert (company.borrower_type, company.company_name, company.abn) == (
        "company",
        "Novak Pty Ltd",
        "51824753556",
    )


def test_errors_are_reported_by_row_and_column_and_good_rows_are_written(broker):
    rows = [
        row("A"),
        row("B", loan_amount="450,000", loan_term="0", interest_rate="101"),
        row("C", estimated_settlement_date="31/03/2027", application_type="castle"),
        row("D", borrower_first_name="Mia", borrower_email="nobody", borrower_phone="12"),
        row("E", security_type="first_mortgage", security_postcode="20"),
        row("F", borrower_id="1", borrower_email="a@example.com"),
        row("G", borrower_first_name="Mia", borrower_company_name="Chen Pty Ltd"),
        row("", loan_amount="1e5"),
        row("H", loan_amount="450000.105"),
        row("I", loan_amount="9" * 20),
        row("J", purpose="x" * 501),
        row("K" * 65),
        row("L", borrower_company_name="Chen Pty Ltd", borrower_abn="1"),
    ]
    job = imported(broker, csv_file(*rows))
    assert job["status"] == "succeeded"
    assert job["counts"] == counts(created=1, failed=12)
    number = "Write a number as 450000.00: no thousands separators, no currency."
    assert errors_of(job) == {
        3: {
            "loan_amount": [number],
            "loan_term": ["Ensure this value is greater than or equal to 1."],
            "interest_rate": ["Ensure this value is less than or equal to 100."],
        },
        4: {
            "estimated_settlement_date": ["Write a date as 2027-03-31 (year-month-day)."],
            "application_type": ['"castle" is not a valid choice.'],
        },
        5: {
            "borrower_email": ["Enter a valid email address."],
            "borrower_phone": ["This is not a valid phone number."],
        },
        6: {
            "security_postcode": ["An Australian postcode has 4 digits."],
            "security_value": ["This field is required."],
        },
        7: {"borrower_id": ["Leave borrower_email empty, or this."]},
        8: {"borrower_company_name": ["The borrower is a person or a company, not both."]},
        9: {"client_reference": ["This field is required."], "loan_amount": [number]},
        10: {"loan_amount": ["Ensure that there are no more than 2 decimal places."]},
        11: {"loan_amount": ["Ensure that there are no more than 14 digits in total."]},
        12: {"purpose": ["Ensure this field has no more than 500 characters."]},
        13: {"client_reference": ["Ensure this field has no more than 64 characters."]},
        14: {"borrower_abn": ["This is not a valid ABN."]},
    }
    assert list(
        Application.objects.exclude(client_reference="").values_list("client_reference", flat=True)
    ) == ["A"]


def test_one_bad_row_of_all_or_nothing_writes_nothing(broker):
    before = book()
    job = imported(broker, csv_file(row("A"), row("B", loan_term="x"), row("C")), mode="all_or_nothing")
    assert job["status"] == "failed"
    assert job["message"] == "Rows have errors, so nothing was written: 2 valid, 1 failed."
    assert job["counts"] == counts(valid=2, failed=1)
    assert [line["outcome"] for line in report(broker, job)] == ["valid", "failed", "valid"]
    assert book() == before


def test_all_good_rows_of_all_or_nothing_are_written(broker):
    imported(broker, csv_file(row("A")))
    job = imported(broker, csv_file(row("A"), row("B"), row("C")), mode="all_or_nothing")
    assert job["status"] == "succeeded"
    assert job["counts"] == counts(created=2, skipped=1)
    assert [line["outcome"] for line in report(broker, job)] == ["skipped", "created", "created"]
    assert job["progress"]["percent"] == 100


@pytest.mark.parametrize("form", [{}, {"mode": "all_or_nothing"}, {"dry_run": True}])
def test_a_broker_without_a_profile_imports_nothing(api, form):
    client, before = api(UserFactory.create(role=Role.BROKER)), book()
    job = imported(client, csv_file(row("A"), row("B")), **form)
    why = {"broker": ["Your login has no broker profile yet. Ask the lender for one."]}
    assert (job["counts"], errors_of(job)) == (counts(failed=2), {2: why, 3: why})
    assert book() == before


@pytest.mark.parametrize(
    ("mode", "status", "found"),
    [
        ("partial", "succeeded", counts(created=2, failed=1)),
        ("all_or_nothing", "failed", counts(valid=2, failed=1)),
    ],
)
def test_what_a_service_refuses_is_an_error_of_its_row(broker, monkeypatch, mode, status, found):
    real = running.application_import

    def import_or_refuse(**fields):
        if fields["client_reference"] == "B":
            raise InvalidInput.field("securities.0.value", "Too much for this.")
        return real(**fields)

    monkeypatch.setattr(running, "application_import", import_or_refuse)
    job = imported(broker, csv_file(row("A"), row("B"), row("C")), mode=mode)
    assert (job["status"], job["counts"]) == (status, found)
    assert errors_of(job) == {3: {"security_value": ["Too much for this."]}}
    references = Application.objects.exclude(client_reference="").values_list("client_reference", flat=True)
    assert sorted(references) == (["A", "C"] if mode == "partial" else [])


@pytest.mark.parametrize("mode", ["partial", "all_or_nothing"])
def test_a_dry_run_writes_nothing_and_says_what_would_come_of_it(broker, mode):
    imported(broker, csv_file(row("A")))
    before = book()
    file = csv_file(row("A"), FULL, row("C", loan_term="x"))
    job = imported(broker, file, mode=mode, dry_run=True)
    assert job["status"] == "succeeded"
    assert job["message"] == "Dry run, nothing was written: 1 skipped, 1 valid, 1 failed."
    assert [line["outcome"] for line in report(broker, job)] == ["skipped", "valid", "failed"]
    assert book() == before


def test_the_same_file_twice_skips_what_it_has_made(broker):
    file = csv_file(row("A"), row("B"))
    first, second = imported(broker, file), imported(broker, file)
    assert (first["counts"], second["counts"]) == (counts(created=2), counts(skipped=2))
    ids = [[line["application_id"] for line in report(broker, job)] for job in (first, second)]
    assert ids[0] == ids[1]


def test_a_row_that_was_imported_is_skipped_whatever_else_it_says_now(broker):
    imported(broker, csv_file(row("A")))
    assert imported(broker, csv_file(row("A", loan_term="x")))["counts"] == counts(skipped=1)


def test_what_is_right_of_the_columns_is_an_error_of_the_row(broker):
    names = ",".join(row("A"))
    job = imported(broker, f"{names}\nA,1,1,1,extra\nB,1,1,1,\nC,1,1\n".encode())
    assert errors_of(job) == {
        2: {"non_field_errors": ["There are more cells than columns."]},
        4: {"interest_rate": ["This field is required."]},
    }
    assert job["counts"] == counts(created=1, failed=2)


def test_a_header_that_is_worked_out_is_no_header(broker):
    reply = send(broker, xlsx_file({**row("A"), "=1+1": 5}))
    assert_refused(
        reply,
        400,
        "invalid",
        file=["Unknown columns: This cell holds a formula; enter its value."],
    )


def test_an_all_or_nothing_import_that_is_cancelled_in_the_end_undoes_everything(broker, monkeypatch):
    reply = send(broker, csv_file(*[row(f"R{n}") for n in range(20)]), mode="all_or_nothing")
    real = Run.advance

    def cancelled(run, **progress):
        if progress["message"] == "Writing the rows.":
            Job.objects.update(cancel_requested_at=timezone.now())
        real(run, **progress)

    monkeypatch.setattr(Run, "advance", cancelled)
    before = book()
    job_run(reply.json()["id"])
    job = broker.get(reply["Location"]).json()
    assert (job["status"], job["counts"]) == ("cancelled", counts(valid=20))
    assert book() == before


@pytest.mark.parametrize("mode", ["partial", "all_or_nothing"])
def test_a_dry_run_refuses_what_the_services_would_refuse(world, api, mode):
    BranchFactory.create(code="SHUT", is_active=False)
    content, client = csv_file(row("A", branch="SHUT"), row("B")), api(world.admin)
    before, last = book(), Event.objects.latest("pk").pk
    tried = imported(client, content, dry_run=True, mode=mode)
    assert tried["counts"] == counts(valid=1, failed=1)
    assert book() == before
    told = Event.objects.filter(pk__gt=last).order_by("pk").values_list("type", flat=True)
    assert list(told) == ["job.created", "job.finished"]
    assert errors_of(imported(client, content, mode=mode)) == errors_of(tried) != {}


def test_a_row_that_was_imported_but_is_not_visible_any_more_is_skipped_without_its_number(world, broker):
    imported(broker, csv_file(row("A"), row("B")))
    Application.objects.filter(client_reference="A").update(broker=world.theirs.broker)
    job = imported(broker, csv_file(row("A"), row("B")))
    gone, seen = report(broker, job)
    assert gone == {"row": 2, "outcome": "skipped", "client_reference": "A", "errors": {}}
    assert (seen["outcome"], seen["client_reference"]) == ("skipped", "B")
    assert seen["application_id"]


def test_references_are_each_importers_own(world, api, broker):
    for client in (broker, api(world.theirs.broker_user), api(world.admin)):
        assert imported(client, csv_file(row("A")))["counts"] == counts(created=1)


def test_a_message_that_comes_twice_does_nothing_twice(broker):
    job = imported(broker, csv_file(row("A")))
    with nothing_written():
        job_run(job["id"])


@pytest.mark.parametrize("mode", ["partial", "all_or_nothing"])
def test_a_job_that_is_repeated_goes_on_where_it_stopped(broker, mode):
    job = imported(broker, csv_file(row("A"), row("B"), row("C")), mode=mode)
    # As if the worker had been killed between the last row and the end.
    content = csv_file(row("A"), row("B"), row("C"))
    fresh = {"status": "queued", "finished_at": None, "counts": {}, "result": None, "done": 0, "total": 0}
    Job.objects.filter(pk=job["id"]).update(**fresh)
    JobInput.objects.create(job_id=job["id"], content=content)
    before = book()
    job_run(job["id"])
    again = broker.get(f"/api/jobs/{job['id']}/").json()
    assert (again["status"], again["counts"]) == ("succeeded", counts(created=3))
    assert again["attempts"] == 2
    assert again["progress"]["done"] == again["progress"]["total"] > 0
    assert book() == before


def test_a_reference_that_is_there_twice_fails_in_each_of_its_rows(broker):
    job = imported(broker, csv_file(row("A"), row("B"), row("A")))
    assert job["counts"] == counts(created=1, failed=2)
    assert errors_of(job) == {
        2: {"client_reference": ["Also in row 4. Each may be there once."]},
        4: {"client_reference": ["Also in row 2. Each may be there once."]},
    }


def test_an_importer_who_was_suspended_meanwhile_imports_nothing(world, broker):
    job = send(broker, csv_file(row("A"))).json()
    world.ours.broker_user.status = AccountStatus.SUSPENDED
    world.ours.broker_user.save()
    job_run(job["id"])
    found = Job.objects.get(pk=job["id"])
    assert (found.status, found.message) == ("failed", "You may not import applications any more.")
    assert not Application.objects.filter(client_reference="A").exists()


def test_the_first_hundred_errors_are_inline_and_all_are_in_the_report(broker):
    job = imported(broker, csv_file(*[row(f"R{n}", loan_term="x") for n in range(150)]))
    assert len(job["result"]["errors"]) == 100
    assert len(report(broker, job)) == 150


# --- spreadsheets -------------------------------------------------------------------------------


def test_an_xlsx_file_is_known_by_its_content_and_its_numbers_become_exact(broker):
    cells = {
        "loan_amount": 450000.1,
        "loan_term": 360,
        "interest_rate": 0.1 + 0.2,
        "estimated_settlement_date": datetime(2027, 3, 31),
        "borrower_first_name": "Mia",
        "borrower_last_name": "Chen",
        "borrower_date_of_birth": date(1988, 5, 17),
        "borrower_phone": 412345678,
        "security_type": "caveat",
        "security_postcode": 2000,
        "security_value": 1e9,
    }
    job = imported(broker, xlsx_file({"client_reference": 1001, **cells}))
    assert job["counts"] == counts(created=1), job["result"]
    made = Application.objects.get(client_reference="1001")
    assert (str(made.loan_amount), str(made.interest_rate)) == ("450000.10", "0.3000")
    assert made.estimated_settlement_date == date(2027, 3, 31)
    assert str(made.securities.get().value) == "1000000000.00"
    assert made.borrowers.get().date_of_birth == date(1988, 5, 17)


def test_formulas_errors_and_times_are_refused_by_cell(broker):
    rows = [
        row("A", loan_amount="=1+1"),
        row("B", loan_amount="#N/A"),
        row("C", estimated_settlement_date=datetime(2027, 3, 31, 12, 0)),
        row("=A1"),
    ]
    job = imported(broker, xlsx_file(*rows))
    assert errors_of(job) == {
        2: {"loan_amount": ["This cell holds a formula; enter its value."]},
        3: {"loan_amount": ["This cell holds an error."]},
        4: {"estimated_settlement_date": ["This is a time, not a date."]},
        5: {"client_reference": ["This cell holds a formula; enter its value."]},
    }


def test_a_mark_of_utf8_and_empty_rows_are_passed_over_and_rows_are_numbered_as_in_a_spreadsheet(broker):
    content = b"\xef\xbb\xbf" + csv_file(
        row("A"), row("", **dict.fromkeys(TERMS, "")), row("C", loan_term="x")
    )
    job = imported(broker, content)
    assert job["counts"] == counts(created=1, failed=1)
    assert list(errors_of(job)) == [4]


def test_null_characters_and_long_cells_are_refused_by_cell(broker):
    job = imported(broker, csv_file(row("A", purpose="a\x00b" + "x" * 100), row("B", purpose="x" * 2001)))
    assert errors_of(job) == {
        2: {"purpose": ["Null characters are not allowed."]},
        3: {"purpose": ["At most 2000 characters."]},
    }


def packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def beyond_the_limit() -> bytes:
    return csv_file(*[row(f"R{n}") for n in range(5001)])


HEADER = ",".join(row("A"))
WHOLE_FILE = {
    "empty": (b"", "The file is empty."),
    "blank": (b" \n\n", "The file is empty."),
    "header only": (HEADER.encode(), "There is no row below the header."),
    "no header": (
        b"A,1,2,3\n",
        f"The first row must name the columns. Missing: {', '.join(row('A'))}.",
    ),
    "too many rows": (beyond_the_limit(), "There are more than 5000 rows. Split the file."),
    "Latin-1": (
        (HEADER + ",purpose\nA,1,1,1,caf\xe9").encode("latin-1"),
        "The text is not UTF-8: see byte 73.",
    ),
    "UTF-16": ((HEADER + "\nA,1,1,1").encode("utf-16"), "The text is not UTF-8: see byte 1."),
    "open quote": ((HEADER + '\n"A,1,1,1').encode(), "Line 2 is not CSV: unexpected end of data."),
    "damaged archive": (b"PK\x03\x04 and nothing more", "The XLSX file is damaged."),
    "damaged workbook": (
        packed({"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<b"}),
        "The XLSX file is damaged.",
    ),
}


@pytest.mark.parametrize("case", WHOLE_FILE)
def test_a_file_that_is_no_table_is_refused_as_a_whole(broker, case):
    content, message = WHOLE_FILE[case]
    with nothing_written():
        reply = send(broker, content)
    body = reply.json()
    assert (reply.status_code, body["code"]) == (400, "invalid")
    assert body["errors"]["file"][0] == message


def test_unknown_repeated_and_missing_columns_are_named(broker):
    with nothing_written():
        reply = send(broker, b"client_reference,loan_amount,loan_amount,colour\nA,1,1,red")
    assert_refused(
        reply,
        400,
        "invalid",
        file=[
            "The first row must name the columns. Missing: loan_term, interest_rate.",
            "Unknown columns: colour.",
            "Columns that are there twice: loan_amount.",
        ],
    )


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7\n\x00\x01\xff", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", packed({"a.txt": b"hello"})],
    ids=["PDF", "XLS", "zip"],
)
def test_what_is_neither_csv_nor_xlsx_is_415(broker, content):
    with nothing_written():
        assert_refused(send(broker, content), 415, "unsupported_file")


def test_a_workbook_that_unpacks_to_too_much_is_413_before_it_is_unpacked(broker):
    bomb = {"[Content_Types].xml": b"", "xl/workbook.xml": b"", "xl/worksheets/sheet1.xml": b"0" * 55_000_000}
    content = packed(bomb)
    assert len(content) < 100_000
    with nothing_written():
        assert_refused(send(broker, content), 413, "file_too_large")


def test_entities_in_a_workbook_are_not_expanded(broker):
    good = xlsx_file(row("A"))
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    laughs = b'<!DOCTYPE a [<!ENTITY b "ha">]>'
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = laughs + sheet
    assert_refused(send(broker, packed(parts)), 400, "invalid", file=["The XLSX file is damaged."])


def test_a_workbook_that_claims_endless_rows_is_refused_at_once(broker):
    book = Workbook()
    for place, name in enumerate(row("A"), 1):
        book.active.cell(1, place, name)
    book.active.cell(1_000_000, 1, "A")
    buffer = io.BytesIO()
    book.save(buffer)
    message = "The table goes on below row 100000. Delete the empty rows."
    assert_refused(send(broker, buffer.getvalue()), 400, "invalid", file=[message])


def test_a_file_that_is_too_large_is_413(broker, settings):
    settings.IMPORT_MAX_BYTES = 1024 * 1024
    with nothing_written():
        assert_refused(send(broker, b"a" * (1024 * 1024 + 1)), 413, "file_too_large")
        assert_refused(send(broker, b"a" * 2 * 1024 * 1024), 413, "file_too_large")


def test_the_form_is_strict(broker):
    assert_refused(
        broker.post(ADDRESS, {}, format="multipart"), 400, "invalid", file=["No file was submitted."]
    )
    assert_refused(
        send(broker, csv_file(row("A")), mode="perhaps", colour="red"),
        400,
        "invalid",
        colour=["There is no such field here."],
    )
    reply = send(broker, csv_file(row("A")), mode="perhaps", dry_run="perhaps")
    assert_refused(
        reply, 400, "invalid", mode=['"perhaps" is not a valid choice.'], dry_run=["Must be a valid boolean."]
    )
    assert broker.post(ADDRESS, {"file": "text"}).status_code == 415


@pytest.mark.parametrize("role", [Role.BD, Role.CLIENT])
def test_bdms_and_clients_import_nothing(world, api, role):
    client = api(world.user(role))
    with nothing_written():
        assert_refused(send(client, csv_file(row("A"))), 403, "permission_denied")


def test_nobody_has_more_than_ten_unfinished_jobs(broker):
    for n in range(10):
        assert send(broker, csv_file(row(f"R{n}"))).status_code == 202
    with nothing_written():
        assert_refused(send(broker, csv_file(row("A"))), 409, "too_many_jobs")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_template_can_be_sent_back(broker, form):
    reply = broker.get(f"{ADDRESS}template/", {"format": form})
    assert reply.status_code == 200
    assert f".{form}" in reply["Content-Disposition"]
    job = imported(broker, b"".join(reply))
    assert job["counts"] == counts(created=1), job["result"]


def test_the_job_is_found_under_the_prefix_of_the_request(broker):
    file = SimpleUploadedFile("loans.csv", csv_file(row("A")))
    reply = broker.post(ADDRESS.replace("/api/", "/api/v1/"), {"file": file}, format="multipart")
    assert reply["Location"] == f"http://testserver/api/v1/jobs/{reply.json()['id']}/"
    assert broker.get(reply["Location"]).status_code == 200
