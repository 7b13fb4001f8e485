"""Reading applications: the list, the list by cursor, and the detail, one statement each."""

import base64
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import asyncpg
import orjson

from applications.choices import ApplicationType, RepaymentFrequency, SecurityType, Stage
from applications.stages import legal_moves
from benchmarks.floor.callers import Caller
from benchmarks.floor.links import address_with
from borrowers.choices import PartyType, Relationship
from crm_backend.common.australia import State

PAGE = 20
TYPES = dict(ApplicationType.choices)
FREQUENCIES = dict(RepaymentFrequency.choices)
STAGES = {"": "", **dict(Stage.choices)}
SECURITIES = dict(SecurityType.choices)
STATES = {"": "", **dict(State.choices)}
PARTIES = dict(PartyType.choices)
RELATIONSHIPS = {"": "", **dict(Relationship.choices)}

# By role, the applications that a caller sees; $1 is the caller's id. An administrator sees all.
SCOPES = {
    "admin": "$1::bigint > 0",
    "bd": "(a.bd_id = (SELECT id FROM brokers_bdm WHERE user_id = $1)"
    " OR a.branch_id = (SELECT branch_id FROM brokers_bdm WHERE user_id = $1))",
    "broker": "a.broker_id = (SELECT id FROM brokers_broker WHERE user_id = $1)",
}
STAGE = "a.stage = $2"
SEARCHED = "document.text LIKE '%' || upper($3) || '%'"
COLUMNS = """
  a.id, a.reference_number, a.application_type, a.product_id AS product,
  (SELECT name FROM applications_product WHERE id = a.product_id) AS product_name,
  a.loan_amount::text, a.loan_term, a.interest_rate::text, a.repayment_frequency, a.stage,
  a.stage_entered_at, a.estimated_settlement_date,
  a.broker_id AS broker, broker.first_name || ' ' || broker.last_name AS broker_name,
  a.bd_id AS bd, btrim(person.first_name || ' ' || person.last_name) AS bd_name,
  a.branch_id AS branch, branch.name AS branch_name,
  (SELECT count(*) FROM applications_applicationborrower WHERE application_id = a.id) AS borrower_count,
  a.created_at, a.updated_at"""
NAMES = """
  LEFT JOIN brokers_broker broker ON broker.id = a.broker_id
  LEFT JOIN brokers_bdm bdm ON bdm.id = a.bd_id
  LEFT JOIN users_user person ON person.id = bdm.user_id
  LEFT JOIN brokers_branch branch ON branch.id = a.branch_id"""
SEARCH_JOIN = " JOIN applications_searchdocument document ON document.application_id = a.id"


def _page(where: str, order: str, limit: int, join: str = "") -> str:
    return (
        f"SELECT {COLUMNS} FROM (SELECT a.* FROM applications_application a{join} WHERE {where}"
        f" ORDER BY {order} LIMIT {limit}) a {NAMES} ORDER BY {order}"
    )


def _counted(where: str, order: str, join: str = "") -> str:
    """A page with how many there are in all, in every row."""
    count = f"(SELECT count(*) FROM applications_application a{join} WHERE {where}) AS count"
    return _page(where, order, PAGE, join).replace("SELECT", f"SELECT {count}, ", 1)


RECENT, LARGEST = "a.created_at DESC, a.id DESC", "a.loan_amount DESC, a.id DESC"
LIST = {role: _counted(scope, RECENT) for role, scope in SCOPES.items()}
SEARCH = {
    role: _counted(f"{scope} AND {STAGE} AND {SEARCHED}", LARGEST, SEARCH_JOIN)
    for role, scope in SCOPES.items()
}
FIRST = {role: _page(scope, RECENT, PAGE + 1) for role, scope in SCOPES.items()}
BEYOND = {
    role: _page(f"{scope} AND (a.created_at, a.id) < ($2, $3)", RECENT, PAGE + 1)
    for role, scope in SCOPES.items()
}


def _row(record: asyncpg.Record) -> dict[str, Any]:
    row = dict(record)
    row["application_type_display"] = TYPES[row["application_type"]]
    row["repayment_frequency_display"] = FREQUENCIES[row["repayment_frequency"]]
    row["stage_display"] = STAGES[row["stage"]]
    return row


async def page_of(
    pool: asyncpg.Pool, caller: Caller, address: str, query: Mapping[str, str]
) -> dict[str, Any]:
    """The first page, all of it or by stage and words, or the page at a cursor."""
    if "cursor" in query:
        return await _at_cursor(pool, caller, address, query["cursor"])
    if "search" in query:
        records = await pool.fetch(SEARCH[caller.role], caller.id, query["stage"], query["search"])
    else:
        records = await pool.fetch(LIST[caller.role], caller.id)
    rows = [_row(record) for record in records]
    count = rows[0]["count"] if rows else 0
    for row in rows:
        del row["count"]
    more = count > PAGE
    return {
        "count": count,
        "next": address_with(address, query, limit=str(PAGE), offset=str(PAGE)) if more else None,
        "previous": None,
        "results": rows,
    }


async def _at_cursor(pool: asyncpg.Pool, caller: Caller, address: str, text: str) -> dict[str, Any]:
    if text:
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        _, _, (created, pk) = orjson.loads(body)
        at = datetime.fromisoformat(created)
        records = await pool.fetch(BEYOND[caller.role], caller.id, at, int(pk))
    else:
        records = await pool.fetch(FIRST[caller.role], caller.id)
    rows = [_row(record) for record in records[:PAGE]]
    before = address_with(address, {}, cursor=_cursor(rows[0], reverse=True)) if text else None
    after = address_with(address, {}, cursor=_cursor(rows[-1])) if len(records) > PAGE else None
    return {"next": after, "previous": before, "results": rows}


def _cursor(row: Mapping[str, Any], *, reverse: bool = False) -> str:
    body = orjson.dumps(["-created_at,-id", reverse, [str(row["created_at"]), str(row["id"])]])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


# --- one --------------------------------------------------------------------------------------------

PARTY_NAME = "coalesce(nullif(p.company_name, ''), btrim(p.first_name || ' ' || p.last_name))"
DETAIL = """
SELECT a.id, a.reference_number, a.client_reference, a.application_type, a.purpose, a.loan_amount,
  a.approved_amount, a.loan_term, a.interest_rate::text, a.repayment_frequency, a.estimated_settlement_date,
  a.valuer_company, a.valuer_contact, a.valuer_phone, a.valuer_email,
  a.quantity_surveyor_company, a.quantity_surveyor_contact, a.quantity_surveyor_phone,
  a.quantity_surveyor_email, a.stage, a.stage_entered_at, a.came_from, a.created_at, a.updated_at,
  a.product_id, product.name AS product, a.broker_id, broker.first_name || ' ' || broker.last_name AS broker,
  a.bd_id, btrim(person.first_name || ' ' || person.last_name) AS bd, a.branch_id, branch.name AS branch,
  a.referral_partner_id, partner.organisation AS referral_partner,
  ARRAY(SELECT (p.id, p.borrower_type, {name}, p.email, p.phone, p.state, p.created_at)
    FROM applications_applicationborrower link JOIN borrowers_borrower p ON p.id = link.borrower_id
    WHERE link.application_id = a.id ORDER BY link.position, link.id) AS borrowers,
  ARRAY(SELECT (p.id, p.guarantor_type, p.relationship, {name}, p.email, p.phone, p.borrower_id,
      p.created_at)
    FROM applications_applicationguarantor link JOIN borrowers_guarantor p ON p.id = link.guarantor_id
    WHERE link.application_id = a.id ORDER BY link.position, link.id) AS guarantors,
  ARRAY(SELECT (s.id, s.security_type, s.street, s.city, s.state, s.postcode, s.description, s.value,
      s.valuation_amount, s.valuation_date, s.created_at, s.updated_at)
    FROM applications_security s WHERE s.application_id = a.id ORDER BY s.id) AS securities
FROM applications_application a
  LEFT JOIN applications_product product ON product.id = a.product_id
  LEFT JOIN brokers_partnership partner ON partner.id = a.referral_partner_id {names}
WHERE a.id = $2 AND {scope}
"""
ONE = {role: DETAIL.format(name=PARTY_NAME, names=NAMES, scope=scope) for role, scope in SCOPES.items()}

CONTACT = ("company", "contact", "phone", "email")
PLAIN = (
    "id", "reference_number", "client_reference", "application_type", "purpose", "loan_term", "interest_rate",
    "repayment_frequency", "estimated_settlement_date", "stage", "stage_entered_at", "came_from",
    "created_at", "updated_at",
)  # fmt: skip
BORROWER = ("id", "borrower_type", "display_name", "email", "phone", "state", "created_at")
GUARANTOR = (
    "id", "guarantor_type", "relationship", "display_name", "email", "phone", "borrower", "created_at",
)  # fmt: skip
SECURITY = (
    "id", "security_type", "street", "city", "state", "postcode", "description", "value",
    "valuation_amount", "valuation_date", "created_at", "updated_at",
)  # fmt: skip


async def detail_of(pool: Any, caller: Caller, pk: int) -> dict[str, Any] | None:
    """One application with everything on it; None when the caller does not see it."""
    record = await pool.fetchrow(ONE[caller.role], caller.id, pk)
    return None if record is None else shape(record, caller)


def shape(record: asyncpg.Record, caller: Caller) -> dict[str, Any]:
    """The body of a detail."""
    amount = record["loan_amount"] if record["approved_amount"] is None else record["approved_amount"]
    securities = [_security(values, amount) for values in record["securities"]]
    row = {name: record[name] for name in PLAIN}
    row |= {
        "loan_amount": str(record["loan_amount"]),
        "approved_amount": _text(record["approved_amount"]),
        "application_type_display": TYPES[record["application_type"]],
        "repayment_frequency_display": FREQUENCIES[record["repayment_frequency"]],
        "stage_display": STAGES[record["stage"]],
        "came_from_display": STAGES[record["came_from"]],
        "allowed_stages": _allowed(record["stage"], record["came_from"], caller.role),
        "valuer": {name: record[f"valuer_{name}"] for name in CONTACT},
        "quantity_surveyor": {name: record[f"quantity_surveyor_{name}"] for name in CONTACT},
        "borrowers": [_borrower(values) for values in record["borrowers"]],
        "guarantors": [_guarantor(values) for values in record["guarantors"]],
        "securities": securities,
        "loan_to_value_ratio": _ratio(amount, [Decimal(one["lending_value"]) for one in securities]),
    }
    for name in ("product", "broker", "bd", "branch", "referral_partner"):
        pk = record[f"{name}_id"]
        if name == "referral_partner" and caller.role not in ("admin", "bd"):
            pk = None
        row[name] = None if pk is None else {"id": pk, "name": record[name]}
    return row


def _borrower(values: Any) -> dict[str, Any]:
    row = dict(zip(BORROWER, values, strict=True))
    row["borrower_type_display"] = PARTIES[row["borrower_type"]]
    row["state_display"] = STATES[row["state"]]
    return row


def _guarantor(values: Any) -> dict[str, Any]:
    row = dict(zip(GUARANTOR, values, strict=True))
    row["guarantor_type_display"] = PARTIES[row["guarantor_type"]]
    row["relationship_display"] = RELATIONSHIPS[row["relationship"]]
    return row


def _security(values: Any, amount: Decimal) -> dict[str, Any]:
    row = dict(zip(SECURITY, values, strict=True))
    lending = row["value"] if row["valuation_amount"] is None else row["valuation_amount"]
    row |= {
        "security_type_display": SECURITIES[row["security_type"]],
        "state_display": STATES[row["state"]],
        "value": str(row["value"]),
        "valuation_amount": _text(row["valuation_amount"]),
        "lending_value": str(lending),
        "loan_to_value_ratio": _ratio(amount, [lending]),
    }
    return row


def _ratio(amount: Decimal, values: list[Decimal]) -> str | None:
    total = sum(values, Decimal(0))
    return str((amount / total * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)) if total else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@cache
def _allowed(stage: str, came_from: str, role: str) -> list[str]:
    return [there.value for there, move in legal_moves(stage, came_from).items() if role in move.roles]
