"""The statements of the audit: each answers with the breaches that it finds, one row of words for each."""

from applications.choices import Component
from servicing.choices import OWED, Account

_OWED = ", ".join(f"'{account.value}'" for account in OWED)


def _position(account: Account, expected: str) -> str:
    """A check that an account's balance is what rows of other tables add up to, by application."""
    return f"""
      SELECT 'application ' || coalesce(kept.application_id, due.application_id) || ': {account.label} is '
             || coalesce(kept.balance, 0) || ', expected ' || coalesce(due.amount, 0)
      FROM (
        SELECT entry.application_id, sum(line.amount) AS balance
        FROM servicing_journalline line JOIN servicing_journalentry entry ON entry.id = line.entry_id
        WHERE line.account = '{account.value}' GROUP BY 1
      ) kept
      FULL JOIN (SELECT application_id, sum(amount) AS amount FROM ({expected}) part GROUP BY 1) due
        ON due.application_id = kept.application_id
      WHERE coalesce(kept.balance, 0) <> coalesce(due.amount, 0)
    """


def _paid(component: str) -> str:
    return f"""
      SELECT payment.application_id, -share.amount AS amount
      FROM servicing_paymentshare share JOIN servicing_payment payment ON payment.id = share.payment_id
      WHERE share.component = '{component}'
    """


def _written_off(column: str) -> str:
    return f"SELECT application_id, -{column} AS amount FROM servicing_writeoff"


_MONEY = """
  SELECT application_id, amount FROM servicing_payment WHERE status = 'received'
  UNION ALL SELECT application_id, -amount FROM servicing_refund
"""
_LENT = """
  SELECT loan.application_id, version.advanced AS amount
  FROM servicing_scheduleversion version JOIN servicing_loan loan ON loan.id = version.loan_id
"""
_CHARGED = """
  SELECT application_id, interest + least(principal, 0) AS amount FROM servicing_repayment
  WHERE charged_on IS NOT NULL
"""
_CAPITALISED = """
  SELECT application_id, -least(principal, 0) AS amount FROM servicing_repayment WHERE charged_on IS NOT NULL
"""


def _fees(late: bool) -> str:
    return f"""
      SELECT application_id, amount - waived_amount AS amount FROM servicing_fee
      WHERE cancelled_at IS NULL AND (fee_type = 'late') = {late}
    """


def _union(*parts: str) -> str:
    return " UNION ALL ".join(parts)


# By what it proves: what it looks at, and a statement that answers with breaches.
CHECKS: dict[str, tuple[str, str]] = {
    "every entry balances, and its amount is the sum of its debits": (
        "servicing_journalentry",
        """
        SELECT 'entry ' || entry.id || ' of ' || entry.amount || ' has a sum of '
               || coalesce(sum(line.amount)::text, 'nothing')
        FROM servicing_journalentry entry LEFT JOIN servicing_journalline line ON line.entry_id = entry.id
        GROUP BY entry.id
        HAVING sum(line.amount) IS DISTINCT FROM 0
          OR sum(line.amount) FILTER (WHERE line.amount > 0) IS DISTINCT FROM entry.amount
        """,
    ),
    "running balances are the sums of their lines": (
        "servicing_accountbalance",
        """
        SELECT 'application ' || coalesce(kept.application_id, summed.application_id) || ': '
               || coalesce(kept.account, summed.account) || ' is kept as ' || coalesce(kept.balance, 0)
               || ', its lines are ' || coalesce(summed.balance, 0)
        FROM servicing_accountbalance kept FULL JOIN (
          SELECT entry.application_id, line.account, sum(line.amount) AS balance
          FROM servicing_journalline line JOIN servicing_journalentry entry ON entry.id = line.entry_id
          GROUP BY 1, 2
        ) summed ON summed.application_id = kept.application_id AND summed.account = kept.account
        WHERE coalesce(kept.balance, 0) <> coalesce(summed.balance, 0)
        """,
    ),
    "every entry says what was owed after it": (
        "servicing_journalentry",
        f"""
        SELECT 'entry ' || id || ' says ' || balance || ', its lines so far say ' || running FROM (
          SELECT entry.id, entry.balance, sum(coalesce(line.amount, 0))
                 OVER (PARTITION BY entry.application_id ORDER BY entry.id) AS running
          FROM servicing_journalentry entry LEFT JOIN (
            SELECT entry_id, sum(amount) AS amount FROM servicing_journalline
            WHERE account IN ({_OWED}) GROUP BY 1
          ) line ON line.entry_id = entry.id
        ) entries WHERE balance <> running
        """,
    ),
    "principal is what was lent and capitalised, less what was repaid and written off": (
        "servicing_loan",
        _position(
            Account.LOAN_PRINCIPAL,
            _union(_LENT, _CAPITALISED, _paid(Component.PRINCIPAL), _written_off("principal")),
        ),
    ),
    "no more principal is repaid than was lent": (
        "servicing_accountbalance",
        f"""
        SELECT 'application ' || application_id || ' owes ' || balance FROM servicing_accountbalance
        WHERE account = '{Account.LOAN_PRINCIPAL.value}' AND balance < 0
        """,
    ),
    "interest receivable is what was charged, less what was paid and written off": (
        "servicing_loan",
        _position(
            Account.INTEREST_RECEIVABLE,
            _union(_CHARGED, _paid(Component.INTEREST), _written_off("interest")),
        ),
    ),
    "interest income is what was charged, accrued and written off before it was due": (
        "servicing_loan",
        _position(
            Account.INTEREST_INCOME,
            _union(
                "SELECT application_id, -interest AS amount FROM servicing_repayment "
                "WHERE charged_on IS NOT NULL",
                "SELECT entry.application_id, -line.amount FROM servicing_journalline line "
                "JOIN servicing_journalentry entry ON entry.id = line.entry_id "
                f"WHERE line.account = '{Account.INTEREST_ACCRUED.value}'",
                _written_off("accrued_interest"),
            ),
        ),
    ),
    "fees receivable are what was charged, less what was waived, paid and written off": (
        "servicing_fee",
        _position(Account.FEES_RECEIVABLE, _union(_fees(False), _paid(Component.FEE), _written_off("fees"))),
    ),
    "penalties receivable are what was charged, less what was waived, paid and written off": (
        "servicing_fee",
        _position(
            Account.PENALTY_RECEIVABLE,
            _union(_fees(True), _paid(Component.PENALTY), _written_off("penalties")),
        ),
    ),
    "cash is what came in, less what was lent, given back and paid as commission": (
        "servicing_payment",
        _position(
            Account.CASH,
            _union(
                _MONEY,
                f"SELECT application_id, -amount AS amount FROM ({_LENT}) lent",
                "SELECT application_id, -amount AS amount FROM servicing_commission WHERE status = 'paid'",
            ),
        ),
    ),
    "commission expense is the sum of commissions and clawbacks": (
        "servicing_commission",
        _position(Account.COMMISSION_EXPENSE, "SELECT application_id, amount FROM servicing_commission"),
    ),
    "commission payable is the sum of commissions and clawbacks that are not paid": (
        "servicing_commission",
        _position(
            Account.COMMISSION_PAYABLE,
            "SELECT application_id, -amount AS amount FROM servicing_commission WHERE status = 'accrued'",
        ),
    ),
    "the entries of a commission are of its amount, and on its account": (
        "servicing_commission",
        """
        SELECT 'commission ' || row.id || ' of ' || row.amount || ' (' || row.status || ') has entries of '
               || coalesce(accrued.amount, 0) || ' and ' || coalesce(paid.amount, 0)
        FROM servicing_commission row
        JOIN servicing_journalentry entry ON entry.id = row.entry_id
        LEFT JOIN servicing_journalline accrued
          ON accrued.entry_id = row.entry_id AND accrued.account = 'commission_payable'
        LEFT JOIN servicing_journalline paid
          ON paid.entry_id = row.paid_entry_id AND paid.account = 'commission_payable'
        WHERE entry.application_id <> row.application_id OR accrued.amount IS DISTINCT FROM -row.amount
          OR coalesce(paid.amount, 0) <> CASE row.status WHEN 'paid' THEN row.amount ELSE 0 END
        """,
    ),
    "no more is clawed back than was accrued upfront, and nothing of an open loan": (
        "servicing_commission",
        """
        SELECT 'application ' || row.application_id || ' had ' || row.clawed_back || ' clawed back of '
               || row.upfront
        FROM (
          SELECT application_id,
                 -sum(amount) FILTER (WHERE kind IN ('clawback', 'clawback_reversed')) AS clawed_back,
                 coalesce(sum(amount) FILTER (WHERE kind = 'upfront'), 0) AS upfront
          FROM servicing_commission GROUP BY application_id, partnership_id
        ) row JOIN servicing_loan loan ON loan.application_id = row.application_id
        WHERE row.clawed_back NOT BETWEEN 0 AND row.upfront
          OR (loan.status = 'active' AND row.clawed_back <> 0)
        """,
    ),
    "money held is what came in and was neither given back nor used": (
        "servicing_payment",
        _position(
            Account.UNAPPLIED,
            _union(
                f"SELECT application_id, -amount AS amount FROM ({_MONEY}) money",
                *(
                    f"SELECT application_id, -amount AS amount FROM ({_paid(component)}) paid"
                    for component in Component.values
                ),
            ),
        ),
    ),
    "no money is held that is not there": (
        "servicing_accountbalance",
        f"""
        SELECT 'application ' || application_id || ' holds ' || -balance FROM servicing_accountbalance
        WHERE account = '{Account.UNAPPLIED.value}' AND balance > 0
        """,
    ),
    "what is scheduled is the sum of the repayments that are not superseded": (
        "servicing_repayment",
        _position(
            Account.SCHEDULED,
            "SELECT application_id, amount FROM servicing_repayment WHERE status <> 'superseded'",
        ),
    ),
    "the principal of the repayments that are not superseded is what was lent": (
        "servicing_repayment",
        f"""
        SELECT 'application ' || loan.application_id || ' was lent ' || lent.amount || ', scheduled are '
               || scheduled.amount
        FROM servicing_loan loan
        JOIN (SELECT application_id, sum(amount) AS amount FROM ({_LENT}) part GROUP BY 1) lent
          ON lent.application_id = loan.application_id
        LEFT JOIN (
          SELECT application_id, sum(principal) AS amount FROM servicing_repayment
          WHERE status <> 'superseded' GROUP BY 1
        ) scheduled ON scheduled.application_id = loan.application_id
        WHERE lent.amount IS DISTINCT FROM scheduled.amount
        """,
    ),
    "repayments say what was paid of them": (
        "servicing_repayment",
        """
        SELECT 'repayment ' || row.id || ' says ' || row.interest_paid || ' and ' || row.principal_paid
               || ', paid were ' || coalesce(paid.interest, 0) || ' and ' || coalesce(paid.principal, 0)
        FROM servicing_repayment row LEFT JOIN (
          SELECT repayment_id, sum(amount) FILTER (WHERE component = 'interest') AS interest,
                 sum(amount) FILTER (WHERE component = 'principal') AS principal
          FROM servicing_paymentshare GROUP BY 1
        ) paid ON paid.repayment_id = row.id
        WHERE (row.interest_paid, row.principal_paid)
              <> (coalesce(paid.interest, 0), coalesce(paid.principal, 0))
        """,
    ),
    "fees say what was paid of them": (
        "servicing_fee",
        """
        SELECT 'fee ' || row.id || ' says ' || row.paid_amount || ', paid were ' || coalesce(paid.amount, 0)
        FROM servicing_fee row LEFT JOIN (
          SELECT fee_id, sum(amount) AS amount FROM servicing_paymentshare GROUP BY 1
        ) paid ON paid.fee_id = row.id
        WHERE row.paid_amount <> coalesce(paid.amount, 0)
        """,
    ),
    "every payment has one entry, and one more if it was reversed": (
        "servicing_payment",
        """
        SELECT 'payment ' || payment.id || ' (' || payment.status || ') has ' || count(entry.id) || ' entries'
        FROM servicing_payment payment LEFT JOIN servicing_journalentry entry ON entry.payment_id = payment.id
        GROUP BY payment.id
        HAVING count(entry.id) <> CASE payment.status WHEN 'reversed' THEN 2 ELSE 1 END
          OR count(entry.reverses_id) <> CASE payment.status WHEN 'reversed' THEN 1 ELSE 0 END
        """,
    ),
    "the cash of a payment's entries is the payment, or nothing if it was reversed": (
        "servicing_payment",
        """
        SELECT 'payment ' || payment.id || ' of ' || payment.amount || ' (' || payment.status || ') moved '
               || coalesce(sum(line.amount), 0)
        FROM servicing_payment payment
        LEFT JOIN servicing_journalentry entry ON entry.payment_id = payment.id
        LEFT JOIN servicing_journalline line ON line.entry_id = entry.id AND line.account = 'cash'
        GROUP BY payment.id
        HAVING coalesce(sum(line.amount), 0)
               <> CASE payment.status WHEN 'reversed' THEN 0 ELSE payment.amount END
        """,
    ),
    "reversed payments pay nothing": (
        "servicing_payment",
        """
        SELECT 'payment ' || payment.id FROM servicing_payment payment
        JOIN servicing_paymentshare share ON share.payment_id = payment.id WHERE payment.status = 'reversed'
        """,
    ),
    "the whole ledger balances": (
        "servicing_journalline",
        "SELECT 'the sum of all lines is ' || sum(amount) FROM servicing_journalline HAVING sum(amount) <> 0",
    ),
}
