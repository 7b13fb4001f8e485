"""Writing: each call one statement of data-modifying parts, all or nothing, and the detail read anew."""

import re
import secrets
from decimal import Decimal
from typing import Any

import asyncpg

from applications.choices import Stage
from applications.stages import ASIDE, legal_moves
from benchmarks.floor.applications import SCOPES, STAGES, detail_of
from benchmarks.floor.callers import Caller
from benchmarks.floor.notifications import UNREAD

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PHONE = re.compile(r"\+61[2-478][0-9]{8}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")

# Whom an application concerns: administrators, its broker, its BDM and its borrowers, if active; $1 is not
# told of their own doing.
PEOPLE = """ARRAY(SELECT person.id FROM users_user person
  WHERE person.status = 'active' AND person.id <> $1 AND (
    person.id = ANY (ARRAY(SELECT id FROM users_user WHERE role = 'admin' AND status = 'active'))
    OR person.id = (SELECT user_id FROM brokers_broker WHERE id = {application}.broker_id)
    OR person.id = (SELECT user_id FROM brokers_bdm WHERE id = {application}.bd_id)
    OR person.id = ANY (ARRAY(SELECT b.user_id FROM applications_applicationborrower l
      JOIN borrowers_borrower b ON b.id = l.borrower_id WHERE l.application_id = {application}.id)))
  ORDER BY person.id)"""
EVENT = (
    "INSERT INTO events_event (type, actor_id, subject_type, subject_id, application_id, data, recipients, \
request_id, occurred_at, attempts)"
)

CREATE = f"""
WITH borrower AS (
  INSERT INTO borrowers_borrower (created_at, updated_at, first_name, last_name, company_name, abn, acn,
    email, phone, street, city, state, postcode, country, borrower_type, marital_status, residency_status,
    employment_type, employer, job_title, business_type, industry, referral_source, tags, bank_account_name,
    bank_account_number, bank_bsb, directors, identity_documents, mailing_city, mailing_country,
    mailing_postcode, mailing_state, mailing_street, tax_id, tax_id_index, created_by_id)
  VALUES (now(), now(), $2, $3, '', '', '', $4, $5, '', '', '', '', 'AU', 'individual', '', '', '', '', '',
    '', '', '', '{{}}', '', '', '', '[]', '', '', '', '', '', '', '', '', $1)
  RETURNING id
), application AS (
  INSERT INTO applications_application (created_at, updated_at, reference_number, application_type, purpose,
    loan_amount, loan_term, interest_rate, repayment_frequency, stage, came_from, stage_entered_at,
    quantity_surveyor_company, quantity_surveyor_contact, quantity_surveyor_email, quantity_surveyor_phone,
    valuer_company, valuer_contact, valuer_email, valuer_phone, client_reference, broker_id, branch_id,
    created_by_id)
  VALUES (now(), now(), $6, 'residential', $7, $8, $9, $10, 'monthly', 'inquiry', '', now(), '', '', '', '',
    '', '', '', '', '', (SELECT id FROM brokers_broker WHERE user_id = $1),
    (SELECT branch_id FROM brokers_broker WHERE user_id = $1), $1)
  RETURNING *
), link AS (
  INSERT INTO applications_applicationborrower (application_id, borrower_id, position)
  SELECT application.id, borrower.id, 0 FROM application, borrower
), change AS (
  INSERT INTO applications_stagechange (application_id, from_stage, to_stage, actor_id, reason, notes,
    changed_at, seconds_in_stage)
  SELECT id, '', 'inquiry', $1, '', '', now(), 0 FROM application
), security AS (
  INSERT INTO applications_security (created_at, updated_at, application_id, security_type, street, city,
    state, postcode, description, value)
  SELECT now(), now(), id, $11, '', '', $12, $13, '', $14 FROM application
), told AS (
  {EVENT}
  SELECT 'borrower.created', $1, 'borrower', id, NULL::bigint, jsonb_build_object('label', $2 || ' ' || $3),
    '{{}}'::bigint[], '', now(), 0 FROM borrower
  UNION ALL
  SELECT 'application.created', $1, 'application', id, id, jsonb_build_object('reference', reference_number,
    'loan_amount', loan_amount::text,
    'actor_name', (SELECT btrim(first_name || ' ' || last_name) FROM users_user WHERE id = $1)),
    {PEOPLE.format(application="application")}, '', now(), 0 FROM application
)
SELECT id FROM application
"""

MOVE = """
WITH old AS (
  SELECT a.* FROM applications_application a WHERE a.id = $2 AND {scope} FOR NO KEY UPDATE
), moved AS (
  UPDATE applications_application a
  SET stage = $3, came_from = $4, stage_entered_at = now(), updated_at = now()
  FROM old WHERE a.id = old.id AND old.stage = $5 AND old.came_from = $6
  RETURNING a.id, a.reference_number, a.broker_id, a.bd_id, old.stage AS origin,
    old.stage_entered_at AS entered
), change AS (
  INSERT INTO applications_stagechange (application_id, from_stage, to_stage, actor_id, reason, notes,
    changed_at, seconds_in_stage)
  SELECT id, origin, $3, $1, $7, '', now(), greatest(0, floor(extract(epoch FROM now() - entered))::bigint)
  FROM moved
), told AS (
  {event}
  SELECT 'application.stage_changed', $1, 'application', id, id, jsonb_build_object(
    'reference', reference_number, 'from_stage', origin, 'from_stage_display', $8::text, 'to_stage', $3,
    'to_stage_display', $9::text, 'reason', $7), {people}, '', now(), 0 FROM moved
)
SELECT id FROM moved
"""
MOVES = {
    role: MOVE.format(scope=scope, event=EVENT, people=PEOPLE.format(application="moved"))
    for role, scope in SCOPES.items()
}
STANDS = {
    role: f"SELECT a.stage, a.came_from FROM applications_application a WHERE a.id = $2 AND {scope}"
    for role, scope in SCOPES.items()
}

MARK = f"""
WITH marked AS (
  UPDATE notifications_notification SET read_at = now()
  WHERE user_id = $1 AND read_at IS NULL AND id = ANY ($2::bigint[]) RETURNING id
), told AS (
  {EVENT}
  SELECT 'notification.read', $1, 'user', $1, NULL, jsonb_build_object('ids', jsonb_agg(id ORDER BY id),
    'count', count(*)), '{{}}', '', now(), 0 FROM marked HAVING count(*) > 0
)
SELECT (SELECT count(*) FROM marked) AS marked, ({UNREAD}) - (SELECT count(*) FROM marked) AS unread_count
"""


async def create(pool: asyncpg.Pool, caller: Caller, data: dict[str, Any]) -> dict[str, Any] | None:
    """Open an application with one borrower and one security."""
    (borrower,), (security,) = data["borrowers"], data["securities"]
    if not _PHONE.fullmatch(borrower["phone"]) or not _EMAIL.fullmatch(borrower["email"]):
        raise ValueError("phone or email")
    reference = "APP-" + "".join(secrets.choice(ALPHABET) for _ in range(8))
    pk = await pool.fetchval(
        CREATE,
        caller.id,
        borrower["first_name"],
        borrower["last_name"],
        borrower["email"],
        borrower["phone"],
        reference,
        data["purpose"],
        Decimal(data["loan_amount"]),
        int(data["loan_term"]),
        Decimal(data["interest_rate"]),
        security["security_type"],
        security["state"],
        security["postcode"],
        Decimal(security["value"]),
    )
    return await detail_of(pool, caller, pk)


async def move(pool: asyncpg.Pool, caller: Caller, pk: int, data: dict[str, Any]) -> dict[str, Any] | None:
    """Move an application to another stage, if that is one of the legal moves."""
    stands = await pool.fetchrow(STANDS[caller.role], caller.id, pk)
    if stands is None:
        return None
    to, (stage, came_from) = Stage(data["stage"]), stands
    if caller.role not in legal_moves(stage, came_from)[to].roles:
        return None
    kept = (came_from or stage) if to in ASIDE else ""
    args = (caller.id, pk, to.value, kept, stage, came_from, data["reason"], STAGES[stage], to.label)
    if await pool.fetchval(MOVES[caller.role], *args) is None:
        return None
    return await detail_of(pool, caller, pk)


async def mark_read(pool: asyncpg.Pool, caller: Caller, ids: list[int]) -> dict[str, int]:
    """Mark notifications read."""
    (counts,) = await pool.fetch(MARK, caller.id, ids)
    return dict(counts)
