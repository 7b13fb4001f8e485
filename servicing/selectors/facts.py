"""Everything that the money of one application follows from: what is owed and what came in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from applications.choices import Component, usual_allocation
from applications.models import Application
from servicing.allocation import Allocation, Due, Key, Money, allocate
from servicing.choices import PaymentStatus, RepaymentStatus
from servicing.models import Fee, Loan, Payment, Refund, Repayment, ScheduleVersion


@dataclass
class Facts:
    """Rows of one application: repayments that are not superseded, fees that are not cancelled."""

    application: Application
    loan: Loan | None = None
    repayments: list[Repayment] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    schedules: list[ScheduleVersion] = field(default_factory=list)

    @property
    def order(self) -> list[str]:
        """What a payment pays first."""
        return self.loan.allocation_order if self.loan else usual_allocation()

    def dues(self, until: date | None = None) -> Iterator[Due]:
        """Everything owed, or what can be paid by a day: what is due by then, and what money is meant for."""
        meant = {target_of(payment) for payment in self.payments}
        for row in self.repayments:
            key = Key("repayment", row.pk)
            if until is None or row.due_date <= until or key in meant:
                yield Due(key, Component.INTEREST, row.due_date, row.interest - row.capitalised)
                yield Due(key, Component.PRINCIPAL, row.due_date, row.principal)
        for fee in self.fees:
            key = Key("fee", fee.pk)
            if until is None or fee.due_date <= until or key in meant:
                yield Due(key, fee.component, fee.due_date, fee.collectable)

    def moneys(self) -> Iterator[Money]:
        """Everything that came in and was not taken back, and everything that was given back."""
        for payment in self.payments:
            if payment.status == PaymentStatus.RECEIVED:
                yield Money(payment.pk, payment.received_on, payment.amount, target_of(payment))
        for refund in self.refunds:
            yield Money(refund.pk, refund.refunded_on, -refund.amount)

    def allocation(self, until: date) -> Allocation:
        """The replay to the end of a day."""
        return allocate(self.dues(until), self.moneys(), order=self.order, until=until)

    def latest_money(self) -> date:
        """The last day on which money came or went."""
        days = [payment.received_on for payment in self.payments]
        days += [refund.refunded_on for refund in self.refunds]
        return max(days, default=date.min)


def target_of(payment: Payment) -> Key | None:
    """What a payment was meant for."""
    if payment.fee_id is not None:
        return Key("fee", payment.fee_id)
    return Key("repayment", payment.repayment_id) if payment.repayment_id is not None else None


def read_facts(application: Application) -> Facts:
    """Read them, in six queries."""
    return Facts(
        application=application,
        loan=Loan.objects.filter(application=application).first(),
        repayments=list(
            Repayment.objects.filter(application=application)
            .exclude(status=RepaymentStatus.SUPERSEDED)
            .order_by("due_date", "id")
        ),
        fees=list(Fee.objects.filter(application=application, cancelled_at=None).order_by("id")),
        payments=list(
            Payment.objects.filter(application=application, status=PaymentStatus.RECEIVED).order_by("id")
        ),
        refunds=list(Refund.objects.filter(application=application).order_by("id")),
        schedules=list(ScheduleVersion.objects.filter(loan__application=application).order_by("version")),
    )
