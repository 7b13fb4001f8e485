"""A book of any size, made by SQL in seconds: for questions of speed, where the demo book would take minutes.

It has no history that makes sense, but what the planner looks at: 12 branches of one size and an empty one,
about 400 applications to a BDM and 160 to a broker, names and amounts spread like the demo book's, and values
that are rare or missing. A row is a template with some columns replaced, so a new column needs nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models
from psycopg import sql

from applications.models import Application, ApplicationBorrower, Product, Security, StageChange
from applications.models.applications import REFERENCE_ALPHABET
from borrowers.models import Borrower
from brokers.models import Bdm, Branch, Broker, Partnership
from demo.names import FIRST_NAMES, LAST_NAMES
from documents.models import Note
from events.models import Event
from users.choices import AccountStatus, Role
from users.models import User

# Far from what sequences have given out.
BASE = 1_000_000_000
BRANCHES = 12
PRODUCTS = 8  # the first is most of the book's, the last a thousandth's, and one more nobody's
PARTNERS = 24  # a ninth of the book is referred, by all of them alike
PER_BDM, PER_BROKER, PER_CLIENT = 400, 160, 4
START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=1)

# Numbers that have nothing to do with each other, and are the same in every book.
_SPREAD, _SPREAD_ELSE = ("(hashint8(n) & 2147483647)", "(hashint8(-n) & 2147483647)")


@dataclass(frozen=True)
class Grown:
    """A book and people to ask about it, each with a typical share of it."""

    size: int
    users: dict[str, User]

    def application(self, share: float) -> Application:
        """The one that so large a share of the book is older than."""
        return Application.objects.get(pk=BASE + max(1, int(self.size * share)))


def grow(size: int, *, present: int = 0) -> Grown:
    """Make a book of so many applications out of one with fewer (none at first), and count what it has."""
    if not present:
        _branches()
        _products()
        _partners()
        _fill(User, present, 1, _user("admin", Role.ADMIN))
    for model, per, number, make in _PEOPLE:
        _fill(model, -(-present // per), -(-size // per), make(number))
    for model, make in _ROWS:
        _fill(model, present, size, make(size))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return grown(size)


def grown(size: int) -> Grown:
    """A book of this size that is there already."""
    return Grown(size, {role: _asker(role) for role in Role.values})


def _asker(role: str) -> User:
    """Somebody in the middle of things: the third BDM and broker are of the same branch."""
    emails = {Role.ADMIN: "admin1", Role.BD: "bd3", Role.BROKER: "broker3", Role.CLIENT: "client2"}
    return User.objects.get(email=f"{emails[Role(role)]}@example.com")


Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A row, the SQL of the columns that differ by `n`, and which `n` have one."""

    row: models.Model
    columns: Columns
    where: str = "true"


def _fill(model: type[models.Model], present: int, size: int, template: Template) -> None:
    """Insert the rows `present + 1` to `size`."""
    fields = model._meta.concrete_fields
    names, values, params = [], [], []
    for field in fields:
        names.append(sql.Identifier(field.column or field.attname))
        if field.attname in template.columns:
            values.append(sql.SQL(template.columns[field.attname]))
        else:
            values.append(sql.SQL(f"%s::{field.db_type(connection)}"))
            params.append(field.get_db_prep_save(field.pre_save(template.row, add=True), connection))
    source = "INSERT INTO {} ({}) SELECT {} FROM generate_series(%s::int, %s::int) n WHERE {}"
    command = sql.SQL(source).format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(names),
        sql.SQL(", ").join(values),
        sql.SQL(template.where),
    )
    with connection.cursor() as cursor:
        cursor.execute(command, [*params, present + 1, size])


def _id(expression: str = "n") -> str:
    return f"{BASE} + {expression}"


def _word(words: tuple[str, ...], expression: str) -> str:
    quoted = ", ".join("'{}'".format(word.replace("'", "''")) for word in words)
    return f"(ARRAY[{quoted}])[1 + ({expression}) %% {len(words)}]"


_NAMES = {
    "first_name": _word(FIRST_NAMES, _SPREAD),
    "last_name": _word(LAST_NAMES, _SPREAD_ELSE),
}


def _branches() -> None:
    row = Branch(state="NSW")
    columns = {"id": _id(), "name": "'Grown ' || n", "code": "'G' || n"}
    _fill(Branch, 0, BRANCHES + 1, Template(row, columns))  # the last one stays empty


def _products() -> None:
    columns = {"id": _id(), "name": "'Grown ' || n", "code": "'GROWN-' || n"}
    _fill(Product, 0, PRODUCTS + 1, Template(Product(), columns))


def _partners() -> None:
    row = Partnership(kind="accountant", contact_name="Ada Ledger", email="ada@example.com")
    columns = {"id": _id(), "organisation": "'Grown ' || n", "branch_id": _id(f"1 + n %% {BRANCHES}")}
    _fill(Partnership, 0, PARTNERS + 1, Template(row, columns))  # the last one refers nobody


def _user(name: str, role: Role, number: int = 0) -> Template:
    row = User(role=role, status=AccountStatus.ACTIVE)
    row.set_unusable_password()
    columns = {"id": _id(f"{number} * 100000000 + n"), "email": f"'{name}' || n || '@example.com'", **_NAMES}
    return Template(row, columns)


def _bdm(number: int) -> Template:
    columns = {
        "id": _id(),
        "user_id": _id(f"{number} * 100000000 + n"),
        "branch_id": _id(f"1 + n %% {BRANCHES}"),
    }
    return Template(Bdm(), columns)


def _broker(number: int) -> Template:
    columns = {**_bdm(number).columns, **_NAMES, "email": "'broker' || n || '@example.com'"}
    return Template(Broker(company_name="Grown Finance Pty Ltd"), columns)


# Each kind of login has a range of ids of its own.
_PEOPLE: tuple[Any, ...] = (
    (User, PER_BDM, 1, lambda number: _user("bd", Role.BD, number)),
    (User, PER_BROKER, 2, lambda number: _user("broker", Role.BROKER, number)),
    (User, PER_CLIENT, 3, lambda number: _user("client", Role.CLIENT, number)),
    (Bdm, PER_BDM, 1, _bdm),
    (Broker, PER_BROKER, 2, _broker),
)


def _moment(expression: str = "n") -> str:
    return f"timestamptz '{START.isoformat()}' + {expression} * interval '{STEP.total_seconds()} s'"


def _borrower(size: int) -> Template:
    columns = {
        "id": _id(),
        **_NAMES,
        "email": f"lower({_NAMES['first_name']} || '.' || {_NAMES['last_name']}) || n || '@example.com'",
        "user_id": f"CASE WHEN n %% {PER_CLIENT} = 0 THEN {_id(f'300000000 + n / {PER_CLIENT}')} END",
        "created_at": _moment(),
        "updated_at": _moment(),
    }
    return Template(Borrower(), columns)


def _application(size: int) -> Template:
    brokers, bdms = -(-size // PER_BROKER), -(-size // PER_BDM)
    columns = {
        "id": _id(),
        "reference_number": _REFERENCE,
        "client_reference": "CASE WHEN n %% 3 = 0 THEN 'IMPORT-' || n ELSE '' END",
        "purpose": "CASE WHEN n %% 50 = 0 THEN 'Buy a boat' ELSE '' END",
        "application_type": "CASE WHEN n %% 997 = 0 THEN 'smsf' WHEN n %% 3 = 0 THEN 'personal' "
        "ELSE 'residential' END",
        "repayment_frequency": "CASE WHEN n %% 499 = 0 THEN 'weekly' ELSE 'monthly' END",
        "stage": "CASE WHEN n %% 701 = 0 THEN 'formal_approval' WHEN n %% 4 = 0 THEN 'declined' "
        "WHEN n %% 10 = 1 THEN 'inquiry' ELSE 'settled' END",
        "came_from": "CASE WHEN n %% 4 = 0 AND n %% 701 <> 0 THEN 'inquiry' ELSE '' END",
        "loan_amount": f"10000 + {_SPREAD} %% 990000",
        "interest_rate": f"3 + ({_SPREAD_ELSE} %% 1200) / 100.0",
        "loan_term": f"12 * (1 + {_SPREAD} %% 30)",
        "estimated_settlement_date": f"CASE WHEN n %% 7 > 0 THEN ({_moment()})::date + 60 END",
        "created_at": _moment(),
        "updated_at": _moment(f"(n + {_SPREAD} %% 50000)"),
        "stage_entered_at": _moment(f"(n + {_SPREAD_ELSE} %% 40000)"),
        "product_id": _id(
            f"CASE WHEN n %% 1009 = 0 THEN {PRODUCTS} WHEN n %% 5 = 0 THEN n %% 35 / 5 + 1 ELSE 1 END"
        ),
        "broker_id": _id(f"1 + n %% {brokers}"),
        "bd_id": f"CASE WHEN n %% 11 > 0 THEN {_id(f'1 + n %% {bdms}')} END",
        "branch_id": _id(f"1 + (1 + n %% {brokers}) %% {BRANCHES}"),
        "referral_partner_id": f"CASE WHEN n %% 9 = 0 THEN {_id(f'1 + n / 9 %% {PARTNERS}')} END",
        "created_by_id": _id(f"200000000 + 1 + n %% {brokers}"),
    }
    return Template(Application(), columns)


# Base 36 of a product with a number that shares no factor with 36⁸: another reference for each.
_REFERENCE = f"""'APP-' || (
    SELECT string_agg(substr('{REFERENCE_ALPHABET}', (1 + n::bigint * 1234567891 %% 2821109907456
                             / (36 ^ digit)::bigint %% 36)::int, 1), '')
    FROM generate_series(0, 7) digit)"""  # noqa: S608 - our own alphabet


def _link(size: int) -> Template:
    columns = {"id": _id(), "application_id": _id(), "borrower_id": _id()}
    return Template(ApplicationBorrower(), columns)


def _security(size: int) -> Template:
    columns = {"id": _id(), "application_id": _id(), "value": "500000"}
    return Template(Security(security_type="first_mortgage"), columns, "n %% 2 = 0")


def _stage_change(size: int) -> Template:
    columns = {"id": _id(), "application_id": _id(), "changed_at": _moment()}
    return Template(StageChange(to_stage="inquiry"), columns)


def _note(size: int) -> Template:
    columns = {"id": _id(), "application_id": _id(), "author_id": _id("1"), "created_at": _moment()}
    return Template(Note(text="Spoke with the borrower."), columns, "n %% 3 = 0")


def _event(size: int) -> Template:
    row = Event(type="application.created", subject_type="application")
    row.data = {"reference": "APP-GROWN000", "loan_amount": "1.00", "actor_name": "Grown"}
    moments = dict.fromkeys(("occurred_at", "projected_at", "dispatched_at"), _moment())
    columns = {"id": _id(), "subject_id": _id(), "application_id": _id(), "actor_id": _id("1"), **moments}
    return Template(row, columns)


_ROWS: tuple[Any, ...] = (
    (Borrower, _borrower),
    (Application, _application),
    (ApplicationBorrower, _link),
    (Security, _security),
    (StageChange, _stage_change),
    (Note, _note),
    (Event, _event),
)
