"""The database holds its rules by itself: each constraint refuses, by name, a row that breaks it.

Nothing is listed: for a check, values that are wrong for somebody are tried on the columns that its condition
names, until the database refuses one with the name of the constraint; for what is unique, a row is copied.
"""

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils import timezone

from applications.models import Application, ApplicationGuarantor
from brokers.models import Partnership
from crm_backend.common.models import IdempotencyKey
from engagement.choices import AssignMethod, LeadStatus
from engagement.services.assignment import lead_assign
from engagement.services.conversion import lead_convert
from engagement.services.leads import lead_change_status
from events.dispatcher import dispatch_pending
from jobs.models import JobRow
from notifications.models import NotificationPreference
from notifications.services.preferences import preferences_set
from reports.services.rollups import rollups_refresh
from servicing.dates import business_date
from servicing.models import Commission, Fee
from servicing.services.books import open_books
from servicing.services.changes import loan_write_off
from servicing.services.commission_payments import commission_mark_paid
from servicing.services.nightly import do_night, nightly
from servicing.services.payments import payment_record, payment_reverse, refund
from tests.borrowers.merges import merge_into, pair_with
from tests.clients import ApiClient
from tests.documents.filled import fill
from tests.engagement.meetings import fill_meetings
from tests.factories import (
    AlertFactory,
    ApiKeyFactory,
    ApplicationFactory,
    BrokerFactory,
    CommissionTermsFactory,
    JobFactory,
    LeadFactory,
    OutgoingMailFactory,
    PartnershipTermsFactory,
    ProductFactory,
    ReportFileFactory,
    ReportScheduleFactory,
    SavedReportFactory,
    World,
)
from tests.integration.addresses import notification_of
from tests.messaging.chats import fill_chats
from tests.servicing.kit import D, fee_of, settled, tiered
from tests.writes import is_ours
from users.services import passwords

MODELS = [model for model in apps.get_models() if is_ours(model)]
CHECKS = [(m, c) for m in MODELS for c in m._meta.constraints if isinstance(c, CheckConstraint)]
UNIQUE = [
    (m, c.name, c.fields)
    for m in MODELS
    for c in m._meta.constraints
    if isinstance(c, UniqueConstraint) and c.fields
]
UNIQUE += [(m, "", (f.name,)) for m in MODELS for f in m._meta.local_fields if f.unique and not f.primary_key]
# Wrong for somebody: too small, too large, empty, unknown, in capitals, too late.
NUMBERS = [-1, 0, 10_001, 101, 601]
TEXTS = ["group", "", "nonsense", "NONSENSE@EXAMPLE.COM", "withdrawn", "won", "inquiry", "company"]

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def book(django_db_setup, django_db_blocker):
    """At least two rows of everything, written once: each test leaves them as they were."""
    whole = transaction.atomic()
    whole._from_testcase = True  # as those of `TestCase`: durable blocks may be inside
    with django_db_blocker.unblock(), whole:
        yield fill_all(World())
        transaction.set_rollback(True)


def fill_all(world):
    for side in (world.ours, world.theirs):
        client = ApiClient(side.broker_user)
        client.patch(f"/api/borrowers/{side.borrower.pk}/", {"phone": "+61412345678"})
        client.put(f"/api/applications/{side.application.pk}/stage/", {"stage": "withdrawn"})
        ApplicationGuarantor.objects.create(application=side.application, guarantor=side.guarantor)
        NotificationPreference.objects.create(user=side.client_user, notification_type="message")
        notification_of(world.admin)
        preferences_set(user=side.client_user, choices={"daily_digest": True})
        AlertFactory.create(key=f"mail:{side.client_user.email}", created_by=world.admin)
        OutgoingMailFactory.create(user=world.admin)
        OutgoingMailFactory.create(
            user=side.client_user, kind="daily_digest", reminder=None, digest_day=business_date()
        )
        report = SavedReportFactory.create(owner=side.bd_user, shared_with="branch", branch=side.branch)
        schedule = ReportScheduleFactory.create(report=report)
        ReportFileFactory.create(
            user=side.bd_user, schedule=schedule, due_at=timezone.now(), job=JobFactory.create()
        )
        passwords.password_reset_request(email=side.client_user.email)
        ApiKeyFactory.create(user=side.broker_user)
        job = JobFactory.create(created_by=side.broker_user)
        JobRow.objects.create(job=job, number=1, outcome="created")
        IdempotencyKey.objects.create(
            owner=f"user:{side.broker_user.pk}", route="POST /", key="A", status=201, headers={}
        )
        Application.objects.filter(pk=side.application.pk).update(client_reference=f"A-{side.application.pk}")
        lead = LeadFactory.create(phone="+61412345678", loan_amount="1.00", annual_income="1", deposit="1")
        lead.refresh_from_db()
        Partnership.objects.filter(pk=side.partnership.pk).update(abn="51824753556")
        tiered(side.partnership, "loan", ("0", "1"), ("5", "2"))
        lead_assign(lead=lead, actor=world.admin, method=AssignMethod.ROUND_ROBIN, branch=side.branch)
        lead_convert(lead=lead, actor=world.admin, force_new=True, loan_term=12, interest_rate=D(5))
        lost = LeadFactory.create(branch=side.branch)
        lead_change_status(lead=lost, to=LeadStatus.LOST, actor=world.admin, reason="Gone")
        fill(side, world.admin)
        merge_into(side.borrower, world.admin)
        pair_with(side.borrower, side.bd_user)
        fill_chats(side, world.admin)
        fill_meetings(side, world.admin)
    lend(world.admin)
    dispatch_pending()
    rollups_refresh()
    return world


def lend(admin):
    """Two loans with everything that money can do."""
    product = ProductFactory.create(late_fee="20.00")
    CommissionTermsFactory.create(product=product, broker=BrokerFactory.create())
    CommissionTermsFactory.create()
    for days in (1, 0):
        nightly(business_date() - timedelta(days=days))
    for _ in range(2):
        loan = settled(admin, terms={"product": product, "broker": BrokerFactory.create()})
        commission_mark_paid(commission=Commission.objects.latest("pk"), actor=admin)
        money = {"application": loan.application, "actor": admin, "received_on": business_date()}
        payment_record(amount=D(500), **money)
        payment_reverse(payment=payment_record(amount=D(10), **money), actor=admin, reason="Bounced.")
        open_night(loan.application)
        fee = fee_of(admin, loan.application)
        payment_record(amount=D(20_000), **money)
        refund(application=loan.application, actor=admin, fee=Fee.objects.get(pk=fee.pk))
        refund(application=loan.application, actor=admin, amount=D(1))
        referrer = PartnershipTermsFactory.create().partnership
        settled(admin, ApplicationFactory.create(referral_partner=referrer))
        other = settled(admin)
        loan_write_off(application=other.application, actor=admin, reason="Gone.")


def open_night(application):
    """The work of a night for one application."""
    with transaction.atomic():
        do_night(open_books(application, actor=None), set())


def alone(model: Any, constraint: Any) -> None:
    """Drop the model's other checks until the end of the test: one of them could be the first to refuse."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # What may not be updated at all would refuse first.
        cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        for other_check in (item for of, item in CHECKS if of is model and item is not constraint):
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DROP CONSTRAINT {other_check.name}")


def columns(condition: Any) -> set[str]:
    """The fields that a condition names."""
    if isinstance(condition, Q):
        return set().union(*(columns(child) for child in condition.children))
    if not isinstance(condition, tuple):
        return set()
    other = {condition[1].name} if isinstance(condition[1], F) else set()
    return {condition[0].partition("__")[0]} | other


def candidates(field: Any) -> list[Any]:
    values: list[Any] = [None] if field.null else []
    if isinstance(field, ArrayField):
        return [[], ["weekly"]]
    if isinstance(field, models.DateTimeField | models.DateField):
        return [*values, timezone.now(), timezone.now() - timedelta(days=10_000)]
    if isinstance(field, models.CharField | models.TextField):
        return values + [text[: field.max_length] for text in TEXTS]
    if isinstance(field, models.BooleanField):
        return [*values, True, False]
    return values + NUMBERS


def refusal(write: Any) -> str:
    """The name of the constraint that refuses a write, or nothing."""
    try:
        with transaction.atomic():
            write()
            raise Accepted
    except IntegrityError as error:
        return str(error.__cause__.diag.constraint_name)
    except DataError:
        return ""  # more than the column can hold, which is another refusal
    except Accepted:
        return ""


class Accepted(Exception):
    """The database took it; undo it."""


@pytest.mark.parametrize(("model", "constraint"), CHECKS, ids=lambda value: getattr(value, "name", None))
def test_a_check_refuses_what_breaks_it(model, constraint):
    rows = model._base_manager.all()
    assert rows.exists(), f"give `fill_all` a row of {model.__name__}"
    alone(model, constraint)
    names = sorted(columns(constraint.condition))
    choices = [candidates(model._meta.get_field(name)) for name in names]
    for values in itertools.product(*choices):
        change = dict(zip(names, values, strict=True))
        if refusal(lambda change=change: rows.filter(pk=rows.first().pk).update(**change)) == constraint.name:
            return
    pytest.fail(f"nothing breaks {constraint.name} on {names}")


@pytest.mark.parametrize(
    ("model", "name", "fields"), UNIQUE, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_unique_constraint_refuses_a_copy(model, name, fields):
    """Another row is given the values of the first; the database names the constraint that it breaks."""
    # Where one of them is null nothing is the same.
    row = model._base_manager.filter(**{f"{field}__isnull": False for field in fields}).first()
    assert row is not None, f"give `fill_all` a row of {model.__name__}"
    same = {model._meta.get_field(field).column for field in fields}
    broken = refusal(lambda: copy(model, row, same))
    indexed = connection.introspection.get_constraints(connection.cursor(), model._meta.db_table)
    assert broken, f"{model.__name__} took two rows with the same {fields}"
    assert broken == name or set(indexed[broken]["columns"]) == same


def copy(model: Any, row: Any, same: set[str]) -> None:
    """Insert a row like another one, with values of its own for all else that is unique."""
    unique = {column for _, columns in uniques(model) for column in columns} - same
    taken, made = [], []
    for field in model._meta.local_concrete_fields:
        column = connection.ops.quote_name(field.column)
        if field.primary_key and field.column not in same and not field.is_relation:
            if not isinstance(field, models.UUIDField):
                continue
            value = "gen_random_uuid()"
        elif field.column in unique:
            value = other(field, column)
        else:
            value = column
        taken.append(column)
        made.append(value)
    table = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(model._meta.pk.column)
    with connection.cursor() as cursor:
        into = f"INSERT INTO {table} ({', '.join(taken)}) SELECT {', '.join(made)} FROM {table}"
        cursor.execute(f"{into} WHERE {key} = %s", [row.pk])


def other(field: Any, column: str) -> str:
    """An expression for another value of a column; references are checked later than what is unique."""
    if isinstance(field, models.DateTimeField):
        return f"{column} + interval '1000 days'"
    if isinstance(field, models.CharField | models.TextField):
        return f"substr('x' || {column}, 1, {field.max_length or 100})"
    return f"{column} + 100000"


def uniques(model: Any) -> list[tuple[str, list[str]]]:
    found = connection.introspection.get_constraints(connection.cursor(), model._meta.db_table)
    return [
        (name, item["columns"]) for name, item in found.items() if item["unique"] and not item["primary_key"]
    ]


def test_every_constraint_has_a_name_of_its_own():
    names = [constraint.name for model in MODELS for constraint in model._meta.constraints]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", name) for name in names)
