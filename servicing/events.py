"""What happens to loans, fees, repayments and payments. Amounts are AUD, dates ISO 8601."""

from events.recording import record_events
from events.registry import Audience, Notify, Payload

COMMISSION_TERMS = record_events("commission_terms")
PARTNERSHIP_TERMS = record_events("partnership_terms")


class LoanSettled(Payload):
    """A loan was disbursed, and its schedule and fees were written."""

    type = "loan.settled"
    summary = "{amount} AUD disbursed, {instalments} repayments from {first_due_date}."
    notify = Notify(
        "application_status",
        title="{reference} was disbursed",
        body="{amount} AUD were disbursed for {reference}. The first repayment is due on {first_due_date}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    amount: str
    settled_on: str
    instalments: int
    first_due_date: str


class LoanExtended(Payload):
    """A loan got other terms: another schedule took the place of what was left of the one before."""

    type = "loan.extended"
    summary = (
        "New schedule from {effective_date}: {principal} AUD at {annual_rate} % in {instalments} repayments."
    )
    notify = Notify(
        "application_status",
        title="{reference} has new terms",
        body="From {effective_date}, {reference} is repaid in {instalments} repayments.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    effective_date: str
    version: int
    instalments: int
    principal: str
    advanced: str
    annual_rate: str


class LoanPaidOut(Payload):
    """The last of what was owed on a loan was paid."""

    type = "loan.paid_out"
    summary = "Loan paid out."
    notify = Notify(
        "application_status",
        title="{reference} is paid out",
        body="{reference} is paid out.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    closed_on: str


class LoanWrittenOff(Payload):
    """What was still owed on a loan was given up."""

    type = "loan.written_off"
    summary = "{amount} AUD written off."
    silent = "the lender's own decision, which staff read in the timeline"

    reference: str
    amount: str
    written_off_on: str


class PaymentRecorded(Payload):
    """A payment was received."""

    type = "payment.recorded"
    summary = "Payment of {amount} AUD, received on {received_on}."
    notify = Notify(
        "application_status",
        title="Payment on {reference}",
        body="{amount} AUD were received on {received_on} for {reference}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    payment_id: int
    amount: str
    received_on: str
    applied: str
    held: str


class PaymentReversed(Payload):
    """A payment was taken back: it bounced, or was entered in error."""

    type = "payment.reversed"
    summary = "Payment of {amount} AUD of {received_on} reversed."
    notify = Notify(
        "application_status",
        title="Payment on {reference} reversed",
        body="The payment of {amount} AUD of {received_on} for {reference} was reversed.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    payment_id: int
    amount: str
    received_on: str


class PaymentRefunded(Payload):
    """Money that was held for the borrower was given back."""

    type = "payment.refunded"
    summary = "{amount} AUD refunded."
    notify = Notify(
        "application_status",
        title="Refund on {reference}",
        body="{amount} AUD were refunded for {reference}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    amount: str
    refunded_on: str


class FeeAdded(Payload):
    """A fee was charged."""

    type = "fee.added"
    summary = "{fee_type_display} fee of {amount} AUD, due on {due_date}."
    notify = Notify(
        "application_status",
        title="Fee on {reference}",
        body="{fee_type_display} fee of {amount} AUD for {reference}, due on {due_date}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    fee_id: int
    fee_type: str
    fee_type_display: str
    amount: str
    due_date: str


class FeeChanged(Payload):
    """A fee was edited; the names of the fields, not their values."""

    type = "fee.changed"
    summary = "Fee changed: {field_names}."
    silent = "the timeline shows it"

    reference: str
    fee_id: int
    field_names: str


class FeeWaived(Payload):
    """What was unpaid of a fee was waived."""

    type = "fee.waived"
    summary = "{amount} AUD of the {fee_type_display} fee waived."
    silent = "the timeline shows it; nothing is asked of anybody"

    reference: str
    fee_id: int
    fee_type_display: str
    amount: str


class FeeCancelled(Payload):
    """A fee that was entered in error was taken out of the book."""

    type = "fee.cancelled"
    summary = "{fee_type_display} fee of {amount} AUD cancelled."
    silent = "the timeline shows it; nothing is asked of anybody"

    reference: str
    fee_id: int
    fee_type_display: str
    amount: str


class RepaymentDueSoon(Payload):
    """A repayment falls due within seven days."""

    type = "repayment.due_soon"
    summary = "Repayment of {amount} AUD is due on {due_date}."
    notify = Notify(
        "repayment_upcoming",
        title="Repayment on {reference} due on {due_date}",
        body="A repayment of {amount} AUD for {reference} is due on {due_date}.",
        to="the borrowers and the BDM, once",
    )

    reference: str
    repayment_id: int
    amount: str
    due_date: str


class RepaymentOverdue(Payload):
    """A repayment is late: told at 3 and 7 days to borrowers, at 10 days to the BDM."""

    type = "repayment.overdue"
    summary = "Repayment of {due_date} is {days_late} days late, {outstanding} AUD unpaid."
    notify = Notify(
        "repayment_overdue",
        title="Repayment on {reference} is {days_late} days late",
        body="{outstanding} AUD of the repayment of {due_date} for {reference} are unpaid.",
        to="the borrowers after 3 and 7 days, the BDM after 10, each once",
    )

    reference: str
    repayment_id: int
    outstanding: str
    due_date: str
    days_late: int


class CommissionAccrued(Payload):
    """A broker earned a commission, or is owed again what had been clawed back."""

    type = "commission.accrued"
    summary = "{kind_display} commission of {amount} AUD accrued."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="{kind_display} commission on {reference}",
        body="{amount} AUD were accrued for {reference}; {broker_amount} AUD of it are yours.",
        to="the broker",
    )

    reference: str
    commission_id: int
    kind: str
    kind_display: str
    amount: str
    broker_amount: str
    branch_amount: str
    accrued_on: str


class CommissionClawedBack(Payload):
    """A loan ended early, and commission is taken back: the broker and the administrators are told."""

    type = "commission.clawed_back"
    summary = "Commission of {amount} AUD clawed back."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="Commission on {reference} clawed back",
        body="{reference} ended early: {amount} AUD of commission are taken back, {broker_amount} AUD "
        "of them from the broker.",
        to="the broker and the administrators",
    )

    reference: str
    commission_id: int
    amount: str
    broker_amount: str
    branch_amount: str
    accrued_on: str


class ReferralCommissionAccrued(Payload):
    """A partner earned a commission by a loan it referred, or is owed again what had been clawed back."""

    type = "commission.referral_accrued"
    summary = "{kind_display} commission of {amount} AUD accrued for referral partner {partner}."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="{kind_display} commission of a partner on {reference}",
        body="{amount} AUD were accrued for {partner}, who referred {reference}.",
        to="the BDM who looks after the partnership, if the application is theirs or their branch's",
    )

    reference: str
    commission_id: int
    partner: str
    kind: str
    kind_display: str
    amount: str
    accrued_on: str


class ReferralCommissionClawedBack(Payload):
    """A referred loan ended early, and the partner's commission is taken back."""

    type = "commission.referral_clawed_back"
    summary = "Commission of {amount} AUD clawed back from referral partner {partner}."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="Commission of a partner on {reference} clawed back",
        body="{reference} ended early: {amount} AUD of commission are taken back from {partner}.",
        to="the administrators and the BDM who looks after the partnership, if the application is theirs or "
        "their branch's",
    )

    reference: str
    commission_id: int
    partner: str
    amount: str
    accrued_on: str


class ReferralCommissionPaid(Payload):
    """A partner's commission was paid; with a negative amount, a clawback was recovered."""

    type = "commission.referral_paid"
    summary = "{kind_display} commission of {amount} AUD paid to referral partner {partner}."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="Commission of a partner on {reference} paid",
        body="The {kind_display} commission of {amount} AUD on {reference} was paid to {partner} "
        "on {paid_on}.",
        to="the BDM who looks after the partnership, if the application is theirs or their branch's",
    )

    reference: str
    commission_id: int
    partner: str
    kind: str
    kind_display: str
    amount: str
    paid_on: str


class CommissionPaid(Payload):
    """A commission was paid; with a negative amount, a clawback was recovered."""

    type = "commission.paid"
    summary = "{kind_display} commission of {amount} AUD paid."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="Commission on {reference} paid",
        body="The {kind_display} commission of {amount} AUD on {reference} was paid on {paid_on}; "
        "{broker_amount} AUD of it are yours.",
        to="the broker",
    )

    reference: str
    commission_id: int
    kind: str
    kind_display: str
    amount: str
    broker_amount: str
    branch_amount: str
    paid_on: str
