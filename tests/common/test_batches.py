"""A batch writes what `save` would have written, in one statement."""

import contextlib
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import AutoField, F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import Application, ApplicationBorrower, Security, StageChange
from borrowers.models import Borrower
from crm_backend.common import batches
from crm_backend.common.batches import Batch, Lookup, allot, sequence_of, write
from crm_backend.common.read_engine.statements import Statement
from events.models import Event
from tests.factories import ApplicationFactory, BdmFactory

pytestmark = pytest.mark.django_db

SECRET_ONLY = {"tax_id": "123456782"}
SECRET = {"tax_id": "123456782", "identity_documents": "[]", "tags": ["one", "two"], "directors": [{"a": 1}]}


def borrower(**fields):
    return Borrower(first_name="Mia", last_name="O'Chen %s", email="mia@example.com", **fields)


def columns(row):
    fresh = type(row).objects.get(pk=row.pk)
    return {
        one.attname: getattr(fresh, one.attname)
        for one in fresh._meta.concrete_fields
        if not one.primary_key and one.name not in ("created_at", "updated_at")
    }


def test_a_row_is_as_save_writes_it():
    saved, batched = borrower(**SECRET), borrower(**SECRET)
    saved.save()
    write(batched)
    assert columns(batched) == columns(saved)
    assert batched.created_at is not None
    assert not batched._state.adding


def test_rows_of_several_models_are_one_statement_and_know_each_other_by_drawn_keys():
    application = Application(
        loan_amount="1000.00", loan_term=12, interest_rate="5", stage_entered_at=timezone.now()
    )
    people = [borrower(), borrower(tags=["x"])]
    with CaptureQueriesContext(connection) as queries:
        allot([application, *people])
        batch = Batch()
        batch.insert(*people, application)
        batch.insert(
            *(
                ApplicationBorrower(application=application, borrower=one, position=place)
                for place, one in enumerate(people)
            )
        )
        batch.write()
    assert len(queries) == 2
    assert list(application.borrowers.order_by("application_links__position")) == people
    assert application.search_document.text.count("O'CHEN %S") == 2


def test_keys_come_in_the_order_of_the_rows():
    application = ApplicationFactory.create()
    rows = [Security(application=application, security_type="other", value=worth) for worth in (3, 1, 2)]
    write(*rows)
    assert [int(Security.objects.get(pk=one.pk).value) for one in rows] == [3, 1, 2]


def test_changed_rows_are_written_with_new_ones():
    application = ApplicationFactory.create()
    before = application.updated_at
    batch = Batch()
    batch.insert(StageChange(application=application, to_stage="inquiry", changed_at=timezone.now()))
    application.purpose, application.loan_term = "Another", 24
    batch.update(application, "purpose", "updated_at")
    batch.write()
    application.refresh_from_db()
    # The term was not named.
    assert (application.purpose, application.loan_term == 24) == ("Another", False)
    assert application.updated_at > before
    assert application.stage_changes.count() == 1
    application.purpose = "A third"
    batch.update(application, "purpose")
    batch.write()
    assert Application.objects.get(pk=application.pk).purpose == "A third"


@pytest.mark.parametrize("model", [one for one in apps.get_models() if isinstance(one._meta.pk, AutoField)])
def test_keys_are_drawn_from_the_sequence_that_the_column_has(model):
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, model._meta.pk.column])
        assert cursor.fetchone() == (f"public.{sequence_of(model)}",)


def test_an_empty_batch_asks_nothing():
    with CaptureQueriesContext(connection) as queries:
        batch = Batch()
        batch.write()
        allot([])
    assert len(queries) == 0


def test_what_the_database_refuses_is_refused_and_nothing_written():
    application = ApplicationFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        write(
            StageChange(application=application, to_stage="inquiry", changed_at=timezone.now()),
            StageChange(
                application=application, to_stage="inquiry", changed_at=timezone.now(), seconds_in_stage=-1
            ),
        )
    assert application.stage_changes.count() == 0


def test_what_is_too_long_is_refused_not_cut_off():
    with pytest.raises(DataError), transaction.atomic():
        write(borrower(employer="x" * 10_000))


def test_a_row_that_is_touched_twice_is_as_it_was_left():
    application, batch = Application.objects.get(pk=ApplicationFactory.create().pk), Batch()
    again = Application.objects.get(pk=application.pk)
    application.purpose, again.purpose, again.loan_term = "One", "Two", 36
    batch.update(application, "purpose")
    batch.update(again, "purpose", "loan_term")
    change = StageChange(application=application, to_stage="inquiry", changed_at=timezone.now())
    allot([change])
    batch.insert(change)
    change.notes = "Added"
    batch.update(change, "notes")
    change.reason = "Not named"
    batch.write()
    application.refresh_from_db()
    assert (application.purpose, application.loan_term) == ("Two", 36)
    assert application.stage_changes.values_list("notes", "reason").get() == ("Added", "")


def test_more_rows_than_a_statement_takes_are_written_in_several(monkeypatch):
    monkeypatch.setattr(batches, "ROWS", 2)
    application = ApplicationFactory.create()
    rows = [Security(application=application, security_type="other", value=worth) for worth in range(1, 6)]
    with CaptureQueriesContext(connection) as queries:
        write(*rows)
    assert len(queries) == 3
    assert [int(Security.objects.get(pk=one.pk).value) for one in rows] == [1, 2, 3, 4, 5]
    largest = max(len(one._meta.local_concrete_fields) for one in apps.get_models())
    monkeypatch.undo()
    assert batches.ROWS * largest < 2**16


def test_nothing_is_written_where_all_is_to_be_undone():
    application = ApplicationFactory.create()
    change = StageChange(application=application, to_stage="inquiry", changed_at=timezone.now())
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            write(change)


def test_expressions_and_unknown_fields_are_mistakes():
    application = ApplicationFactory.create()
    batch = Batch()
    application.loan_term = F("loan_term") + 1
    batch.update(application, "loan_term")
    with pytest.raises(TypeError, match="not expressions"):
        batch.write()
    batch.update(application, "nothing")
    with pytest.raises(FieldDoesNotExist):
        batch.write()


# --- what the database finds, and what goes later ---------------------------------------------------


def told(application, recipients):
    return Event(
        type="application.deleted",
        subject_type="application",
        subject_id=application.pk,
        occurred_at=timezone.now(),
        recipients=recipients,
    )


def test_a_value_that_the_database_finds_is_found_when_the_row_is_written():
    application = ApplicationFactory.create()
    lookup = Lookup("ARRAY(SELECT unnest(%s::bigint[]) UNION ALL SELECT %s)", ([7, 9], 5))
    rows = [told(application, [1]), told(application, lookup), told(application, [])]
    with CaptureQueriesContext(connection) as queries:
        write(*rows)
    assert len(queries) == 1
    assert [Event.objects.get(pk=row.pk).recipients for row in rows] == [[1], [7, 9, 5], []]


def test_an_edit_may_have_such_a_value_too():
    application = ApplicationFactory.create()
    application.loan_term = Lookup("(SELECT %s + 2)", (10,))
    batch = Batch()
    batch.update(application, "loan_term", "purpose")
    batch.write()
    assert Application.objects.get(pk=application.pk).loan_term == 12


@pytest.mark.django_db(transaction=True)
def test_what_is_posted_goes_with_the_next_statement_or_with_the_commit():
    application = ApplicationFactory.create()
    change = partial(StageChange, application=application, to_stage="inquiry", changed_at=timezone.now())
    seen = Statement(
        "SELECT count(*) FROM applications_stagechange WHERE application_id = %s", (application.pk,)
    )
    ways = [lambda: seen.run({})[0][0], application.stage_changes.count, None]
    for number, look in enumerate(ways, start=1):
        batch = Batch()
        row: Any = change()
        with transaction.atomic():
            batch.insert(row)
            batch.post()
            assert [row.pk] == [None]
            if look:
                assert look() == number
                assert row.pk is not None
        assert row.pk is not None
        assert application.stage_changes.count() == number


@pytest.mark.django_db(transaction=True)
def test_what_is_posted_is_undone_with_the_transaction_and_refused_by_the_commit():
    application = ApplicationFactory.create()
    change = StageChange(application_id=application.pk, to_stage="inquiry", changed_at=timezone.now())
    orphan = StageChange(application_id=10**9, to_stage="inquiry", changed_at=timezone.now())
    long = StageChange(application_id=application.pk, to_stage="x" * 999, changed_at=timezone.now())

    def posted(row, *, fails=False):
        with transaction.atomic():
            batch = Batch()
            batch.insert(row)
            batch.post()
            if fails:
                raise ZeroDivisionError

    for row, error in ((orphan, IntegrityError), (long, DataError)):
        with pytest.raises(error):
            posted(row)
    with pytest.raises(ZeroDivisionError):
        posted(change, fails=True)
    assert not connection.posted
    assert not StageChange.objects.filter(application=application).exists()
    posted(change)
    assert application.stage_changes.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_part_that_is_undone_by_itself_takes_what_was_posted_in_it():
    application = ApplicationFactory.create()
    kinds = ("inquiry", "settled")
    rows = [StageChange(application=application, to_stage=kind, changed_at=timezone.now()) for kind in kinds]
    batch = Batch()
    with transaction.atomic():
        batch.insert(rows[0])
        batch.post()
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            batch.insert(rows[1])
            batch.post()
            raise ZeroDivisionError
    assert [change.to_stage for change in application.stage_changes.all()] == ["inquiry"]


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_in_a_part_is_undone_with_the_part_alone():
    application = ApplicationFactory.create()
    change = partial(StageChange, application=application, changed_at=timezone.now())

    def part(*, fails):
        with transaction.atomic():
            batch = Batch()
            batch.insert(change(to_stage="x" * 999))
            batch.post()
            if fails:
                raise ZeroDivisionError

    for error, fails in ((ZeroDivisionError, True), (DataError, False)):
        with transaction.atomic():
            change(to_stage="settled").save()
            with pytest.raises(error):
                part(fails=fails)
    assert application.stage_changes.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("stage", "asked"), [("x" * 999, "a"), ("inquiry", "\x00")])
def test_nothing_is_committed_without_what_was_posted_also_if_an_error_is_caught(stage, asked):
    application = ApplicationFactory.create()
    batch = Batch()
    with transaction.atomic():
        Application.objects.update(purpose="refinance")
        batch.insert(StageChange(application=application, to_stage=stage, changed_at=timezone.now()))
        batch.post()
        with contextlib.suppress(DataError):
            Statement("SELECT %s::text", (asked,)).run({})
        assert transaction.get_rollback()
    assert not Application.objects.filter(purpose="refinance").exists()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_was_posted_can_be_edited():
    application = ApplicationFactory.create()
    row = StageChange(application=application, to_stage="inquiry", changed_at=timezone.now())
    batch = Batch()
    with transaction.atomic():
        batch.insert(row)
        batch.post()
        row.notes = "edited"
        batch.update(row, "notes")
        batch.write()
    assert application.stage_changes.get().notes == "edited"


@pytest.mark.django_db(transaction=True)
def test_a_cursor_sees_what_was_posted_after_it_was_made():
    application = ApplicationFactory.create()
    batch = Batch()
    with transaction.atomic(), connection.cursor() as cursor:
        for number in (1, 2):
            batch.insert(StageChange(application=application, to_stage="inquiry", changed_at=timezone.now()))
            batch.post()
            cursor.execute("SELECT count(*) FROM applications_stagechange")
            assert cursor.fetchone() == (number,)
        batch.insert(StageChange(application=application, to_stage="inquiry", changed_at=timezone.now()))
        batch.post()
        cursor.executemany("UPDATE applications_stagechange SET notes = %s", [["seen"]])
    assert {change.notes for change in application.stage_changes.all()} == {"seen"}


def test_texts_are_written_as_their_fields_write_them():
    saved, batched = (
        Borrower(first_name=" É%s\\ ", last_name="O", tags=["a"], email="", **SECRET_ONLY) for _ in range(2)
    )
    saved.save()
    write(batched)
    assert columns(batched) == columns(saved)
    assert Borrower.objects.get(pk=batched.pk).tax_id.stored != SECRET_ONLY["tax_id"]


@pytest.mark.parametrize("model", [Application, Borrower, Security, Event, StageChange])
def test_nulls_are_written_as_their_fields_write_them(model):
    row = model()
    for field in model._meta.local_concrete_fields:
        if field.null:
            setattr(row, field.attname, None)
    names = tuple(field.name for field in model._meta.local_concrete_fields if field.null)
    assert names
    own = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in map(model._meta.get_field, names)
    ]
    assert batches._values(row, names, add=True) == (own, [])


def test_what_was_not_read_stays_as_it_is():
    application = ApplicationFactory.create(client_reference="ours", bd=BdmFactory.create())
    [seen] = Application.objects.filter(pk=application.pk).only("pk")
    batch = Batch()
    batch.update(seen, "bd", "client_reference")
    batch.write()
    application.refresh_from_db()
    assert (application.bd_id is None, application.client_reference) == (False, "ours")
