"""What each application adds to each figure: the one definition that rollups and reports of rows share.

`contributions` is SQL with a row for each topic, business date and label of each application. A cell of a
rollup is the sum of such rows; a report of rows sums them itself. Amounts are AUD.

| Topic | Day | Label | count | amount | other | span |
| --- | --- | --- | --- | --- | --- | --- |
| opened, stage, type | opened | –, stage, type | applications | loan amount | lent × rate | lent, cents |
| approved | opened | – | reached formal approval | loan amount | | |
| settled | opened | – | settled or closed | lent | with a known day | days to it |
| stays | opened | stage left | stays that ended | | | seconds |
| repayment | due | outcome | repayments | asked | paid | days late |
| loan | settled | – | open loans | principal owed | principal × rate | |
| loan_type, _purpose, _state, _lvr | settled | of the loan | open loans | principal owed | | |
| owed | settled | account | open loans | owed | | |
| arrears | oldest unpaid due | – | open loans | principal owed | | |
| commission | value date | kind:status | commissions | amount | the broker's | |
| settlement | moved to settled | – | applications | lent | | |
| ledger | value date | account | lines | debits less credits | | |

The ledger's are of income, of commissions, and of cash that payments brought or took back.

What compliance leaves out has `aside_` before its outcome: repayments that ask for nothing, and those that
fell due after their loan was written off.

Of the commission of a referral partner, the label is kind:status:partner, and `broker` the partnership's id
below zero, so that both kinds of payees are told apart and added up by one column.

Whoever changes this, or which cells are kept, raises `choices.RULES`.
"""

import re
from collections.abc import Collection
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from applications.choices import Stage
from applications.selectors.portfolios import APPROVED, LENT
from applications.stages import ASIDE
from reports.choices import ASIDE_REPAYMENT, Grain, Level, LvrBand, Outcome, Topic
from servicing.choices import Account, LoanStatus, Payee, RepaymentStatus

COLUMNS = ("topic", "day", "label", "broker", "bd", "branch", "count", "amount", "other", "span")
KEY, SUMS = COLUMNS[:6], COLUMNS[6:]
# Where something changed: topic, broker, BDM, branch; 0 for nobody.
ChangedCell = tuple[str, int, int, int]
BESIDES = (
    Account.INTEREST_RECEIVABLE,
    Account.FEES_RECEIVABLE,
    Account.PENALTY_RECEIVABLE,
    Account.UNAPPLIED,
)
LISTED = (
    Topic.OPENED, Topic.STAGE, Topic.APPROVED, Topic.SETTLED, Topic.COMMISSION, Topic.SETTLEMENT,
    Topic.ARREARS,
)  # fmt: skip
EARNED = (Account.INTEREST_INCOME, Account.FEE_INCOME, Account.PENALTY_INCOME)


def _list(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


# Where days may be asked for, and rows looked up by application: the planner, which is not told the days,
# would rather walk through everybody's rows of them.
_DAYS = "/* days of {} */"
_ASKED_DAYS = re.compile(r"/\* days of (\S+) \*/")
# Where repayments may be asked for that are not paid: a few of all.
_UNPAID = "/* unpaid */"
_DIMENSIONS, _OF_LOAN = "a.broker, a.bd, a.branch", "l.broker, l.bd, l.branch"
_OF_LOANS = {
    Topic.LOAN_TYPE: "l.application_type",
    Topic.LOAN_PURPOSE: "left(btrim(l.purpose), 100)",
    Topic.LOAN_STATE: "l.state",
    Topic.LOAN_LVR: f"""CASE WHEN l.secured IS NULL THEN '{LvrBand.UNSECURED}'
        WHEN l.principal <= l.secured * 0.6 THEN '{LvrBand.UP_TO_60}'
        WHEN l.principal <= l.secured * 0.7 THEN '{LvrBand.UP_TO_70}'
        WHEN l.principal <= l.secured * 0.8 THEN '{LvrBand.UP_TO_80}'
        WHEN l.principal <= l.secured * 0.9 THEN '{LvrBand.UP_TO_90}'
        ELSE '{LvrBand.OVER_90}' END""",
}
# No value of a request is in the texts: our own enumerations only.
_CHOSEN = f"""
chosen AS MATERIALIZED (
    SELECT id, stage, application_type, purpose, loan_amount, COALESCE(approved_amount, loan_amount) AS lent,
        CASE WHEN stage IN ({_list(ASIDE)}) THEN came_from ELSE stage END AS reached,
        COALESCE(approved_amount, loan_amount) * interest_rate AS weighted,
        (COALESCE(approved_amount, loan_amount) * 100)::bigint AS cents,
        (created_at AT TIME ZONE %s::text)::date AS opened,
        COALESCE(broker_id, 0) AS broker, COALESCE(bd_id, 0) AS bd, COALESCE(branch_id, 0) AS branch
    FROM applications_application WHERE id IN ({{chosen}})
)"""
_LOANS = f"""
loans AS MATERIALIZED (
    SELECT a.*, l.id AS loan_id, l.settled_on, COALESCE(b.balance, 0) AS principal,
        (SELECT v.annual_rate FROM servicing_scheduleversion v WHERE v.loan_id = l.id
            ORDER BY v.version DESC LIMIT 1) AS rate,
        (SELECT sum(COALESCE(s.valuation_amount, s.value)) FROM applications_security s
            WHERE s.application_id = a.id) AS secured,
        COALESCE((SELECT s.state FROM applications_security s WHERE s.application_id = a.id
            ORDER BY COALESCE(s.valuation_amount, s.value) DESC, s.id LIMIT 1), '') AS state
    FROM chosen a JOIN servicing_loan l ON l.application_id = a.id AND l.status = '{LoanStatus.ACTIVE}'
    LEFT JOIN servicing_accountbalance b
        ON b.application_id = a.id AND b.account = '{Account.LOAN_PRINCIPAL}'
)"""
_BRANCHES: dict[str, str] = {
    Topic.OPENED: f"""SELECT a.id, '{Topic.OPENED}', a.opened, '', {_DIMENSIONS}, 1, a.loan_amount,
        a.weighted, a.cents
    FROM chosen a""",
    Topic.STAGE: f"""SELECT a.id, '{Topic.STAGE}',
        a.opened, a.stage, {_DIMENSIONS}, 1, a.loan_amount, a.weighted,
        a.cents FROM chosen a""",
    Topic.TYPE: f"""SELECT a.id, '{Topic.TYPE}',
        a.opened, a.application_type, {_DIMENSIONS}, 1, a.loan_amount, a.weighted,
        a.cents
    FROM chosen a""",
    Topic.APPROVED: f"""SELECT a.id, '{Topic.APPROVED}', a.opened, '', {_DIMENSIONS}, 1, a.loan_amount, 0, 0
    FROM chosen a WHERE a.reached IN ({_list(APPROVED)})""",
    Topic.SETTLED: f"""SELECT a.id, '{Topic.SETTLED}', a.opened, '', {_DIMENSIONS}, 1, a.lent,
        CASE WHEN m.settled IS NULL THEN 0 ELSE 1 END, COALESCE(m.settled - a.opened, 0)
    FROM chosen a LEFT JOIN LATERAL (
        SELECT max((c.changed_at AT TIME ZONE %s::text)::date) AS settled FROM applications_stagechange c
        WHERE c.application_id = a.id AND c.to_stage = '{Stage.SETTLED}'
    ) m ON true
    WHERE a.stage IN ({_list(LENT)})""",
    Topic.STAYS: f"""SELECT a.id, '{Topic.STAYS}', a.opened, c.from_stage, {_DIMENSIONS}, count(*), 0, 0,
        sum(c.seconds_in_stage)::bigint
    FROM chosen a JOIN applications_stagechange c ON c.application_id = a.id AND c.from_stage <> ''
    GROUP BY a.id, a.opened, c.from_stage, {_DIMENSIONS}""",
    Topic.REPAYMENT: f"""SELECT a.id, '{Topic.REPAYMENT}',
        r.due_date, r.outcome, {_DIMENSIONS}, count(*), sum(r.amount),
        sum(r.paid), sum(r.days)::bigint
    FROM chosen a JOIN LATERAL (
        SELECT r.due_date, r.amount, r.interest_paid + r.principal_paid AS paid,
            CASE WHEN r.amount > 0 AND (r.status = '{RepaymentStatus.PAID}'
                    OR l.status IS DISTINCT FROM '{LoanStatus.WRITTEN_OFF}' OR r.due_date <= l.closed_on)
                THEN '' ELSE '{ASIDE_REPAYMENT}' END
            || CASE WHEN r.status = '{RepaymentStatus.PAID}' AND r.paid_on <= r.due_date
                    THEN '{Outcome.ON_TIME}'
                WHEN r.status = '{RepaymentStatus.PAID}' AND (r.amount > 0 OR r.paid_on > r.due_date)
                    THEN '{Outcome.LATE}'
                WHEN r.status = '{RepaymentStatus.PAID}' THEN 'paid'
                WHEN l.status = '{LoanStatus.WRITTEN_OFF}' THEN '{Outcome.GIVEN_UP}'
                ELSE '{Outcome.UNPAID}' END AS outcome,
            CASE WHEN r.status = '{RepaymentStatus.PAID}' AND r.paid_on > r.due_date
                THEN r.paid_on - r.due_date ELSE 0 END AS days
        FROM servicing_repayment r LEFT JOIN servicing_loan l ON l.application_id = r.application_id
        WHERE r.application_id = a.id AND r.status <> '{RepaymentStatus.SUPERSEDED}'
            {_UNPAID}{_DAYS.format("r.due_date")}
    ) r ON true
    GROUP BY a.id, r.due_date, r.outcome, {_DIMENSIONS}""",
    Topic.LOAN: f"""SELECT l.id, '{Topic.LOAN}', l.settled_on, '', {_OF_LOAN}, 1, l.principal,
        l.principal * COALESCE(l.rate, 0), 0 FROM loans l""",
    **{
        topic: f"SELECT l.id, '{topic}', l.settled_on, {label}, {_OF_LOAN}, 1, l.principal, 0, 0 FROM loans l"
        for topic, label in _OF_LOANS.items()
    },
    Topic.OWED: f"""SELECT l.id, '{Topic.OWED}',
        l.settled_on, b.account, {_OF_LOAN}, 1, b.balance, 0, 0
    FROM loans l JOIN servicing_accountbalance b
        ON b.application_id = l.id AND b.account IN ({_list(BESIDES)}) AND b.balance <> 0""",
    Topic.ARREARS: f"""SELECT l.id, '{Topic.ARREARS}',
        u.oldest, '', {_OF_LOAN}, 1, l.principal, 0, 0
    FROM loans l JOIN LATERAL (
        SELECT min(r.due_date) AS oldest FROM servicing_repayment r
        WHERE r.application_id = l.id AND r.amount > 0
            AND r.status NOT IN ('{RepaymentStatus.PAID}', '{RepaymentStatus.SUPERSEDED}')
    ) u ON u.oldest IS NOT NULL""",
    Topic.COMMISSION: f"""SELECT a.id, '{Topic.COMMISSION}',
        c.accrued_on, c.kind || ':' || c.status
            || CASE WHEN c.partnership_id IS NULL THEN '' ELSE ':{Payee.PARTNER}' END,
        COALESCE(c.broker_id, -c.partnership_id), a.bd, c.branch_id,
        count(*), sum(c.amount), sum(c.broker_amount), 0
    FROM chosen a JOIN servicing_commission c ON c.application_id = a.id
    GROUP BY a.id, c.accrued_on, c.kind, c.status, c.broker_id, c.partnership_id, a.bd, c.branch_id""",
    Topic.SETTLEMENT: f"""SELECT DISTINCT a.id, '{Topic.SETTLEMENT}',
        (c.changed_at AT TIME ZONE %s::text)::date, '', {_DIMENSIONS},
        1, a.lent, 0, 0
    FROM chosen a JOIN applications_stagechange c
        ON c.application_id = a.id AND c.to_stage = '{Stage.SETTLED}'""",
    Topic.LEDGER: f"""SELECT a.id, '{Topic.LEDGER}',
        l.entry_date, l.account, {_DIMENSIONS}, count(*), sum(l.amount), 0, 0
    FROM chosen a JOIN LATERAL (
        SELECT e.entry_date, l.account, l.amount
        FROM servicing_journalentry e JOIN servicing_journalline l ON l.entry_id = e.id
        WHERE e.application_id = a.id AND (l.account IN ({_list((*EARNED, Account.COMMISSION_EXPENSE))})
            OR l.account = '{Account.CASH}' AND e.payment_id IS NOT NULL){_DAYS.format("e.entry_date")}
    ) l ON true
    GROUP BY a.id, l.entry_date, l.account, {_DIMENSIONS}""",
}
_NOT_PAID = f"AND r.status <> '{RepaymentStatus.PAID}'"
_BETWEEN, _ENTERED = r" AND \1 BETWEEN %s::date AND %s::date", " OFFSET 0"
# No rows, but the types of all.
_NOTHING = """SELECT 0::bigint, ''::text, current_date, ''::text, 0::bigint, 0::bigint, 0::bigint,
    0::bigint, 0::numeric, 0::numeric, 0::bigint WHERE false"""


def contributions(
    applications: QuerySet[Any],
    topics: Collection[str] = tuple(Topic),
    *,
    inlined: bool = False,
    days: tuple[date, date] | None = None,
    entered: bool = False,
    unpaid: bool = False,
) -> tuple[str, list[Any]]:
    """Named queries, of which `contributions` is the last, and their parameters; put `WITH` before them.

    `inlined`: each question computes what it asks for only, instead of all being computed once for all.
    `days`: only those from the first to the last; of few applications.
    `entered`: repayments and the ledger are looked up by application. For as few as a batch, the planner
    would rather read either as a whole.
    `unpaid`: of repayments, only those that are not paid.
    """
    chosen, params = applications.order_by().values("pk").query.sql_with_params()
    zone = settings.BUSINESS_TIME_ZONE
    within = f"{_BETWEEN if days else ''}{_ENTERED if days or entered else ''}"
    branches, values = [], [zone, *params]
    for topic, text in _BRANCHES.items():
        if topic in topics:
            asked = text.replace(_UNPAID, _NOT_PAID if unpaid else "")
            branches.append(_ASKED_DAYS.sub(within, asked))
            values += [zone] * text.count("%s")
            values += [*(days or ())] * len(_ASKED_DAYS.findall(text))
    parts = [_CHOSEN.format(chosen=chosen)]
    if any("loans l" in text for text in branches):
        parts.append(_LOANS)
    how = "NOT MATERIALIZED" if inlined else "MATERIALIZED"
    union = " UNION ALL ".join([_NOTHING, *branches])
    columns = f"application, {', '.join(COLUMNS)}"
    # The planner asks each part for these days before it joins and sums.
    some = f"SELECT * FROM ({union}) c ({columns}) WHERE day BETWEEN %s::date AND %s::date" if days else union
    parts.append(f"contributions ({columns}) AS {how} ({some})")
    return ", ".join(parts), [*values, *(days or ())]


def is_kept(topic: Topic, level: Level, grain: Grain) -> bool:
    """Whether there are cells of it.

    Of one BDM or broker a day has hardly more than one contribution to sum. So days of brokers are kept only
    of what is listed by people, and those of BDMs are summed from them; of the rest, and of one BDM, days are
    read from the rows of their applications.
    """
    if level in (Level.BOOK, Level.BRANCH):
        return True
    if topic == Topic.LEDGER and level == Level.BROKER:
        return False
    return grain != Grain.DAY or (level == Level.BROKER and topic in LISTED)
