"""All the facts of a letter, and what an application lacks for one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from applications.models import Application
from borrowers.models import Guarantor
from documents.choices import LetterType
from documents.facts import loans, parties
from documents.letters.australian import long_date, money, months, percent
from servicing.models import Loan, ScheduleVersion
from servicing.selectors.facts import read_facts

# How long an offer holds where nothing else is said.
VALID_FOR = timedelta(days=30)


@dataclass(frozen=True)
class LetterOptions:
    """What whoever asks for a letter may choose. `message` is a paragraph of theirs."""

    dated: date
    message: str = ""
    valid_until: date | None = None
    guarantor: Guarantor | None = None
    payout_date: date | None = None
    start: date | None = None
    end: date | None = None


def letter_facts(application: Application, kind: LetterType, options: LetterOptions) -> dict[str, Any]:
    """The facts, in the shape of `documents.letters.sample`; the same names for every letter.

    Raises:
        InvalidInput: the terms of the application make no schedule.
    """
    facts = read_facts(application)
    lender = parties.lender()
    return {
        "letter": {
            "type": kind.value,
            "date": long_date(options.dated),
            "message": options.message,
            "has_message": bool(options.message.strip()),
            "valid_until": long_date(options.valid_until or options.dated + VALID_FOR),
        },
        **parties.parties(application, options.guarantor),
        "contact": parties.contact(application),
        "application": _application(application),
        **parties.securities(application),
        **loans.fees(facts),
        "loan": loans.loan(application, facts, options.dated),
        "schedule": loans.schedule(application, facts, options.dated),
        "payout": loans.payout(facts, options.payout_date or options.dated),
        "statement": loans.statement_of(application, options.start, options.end),
        "lender": lender,
        "lender_names": [lender["name"]],
    }


def lacks(application: Application, kind: LetterType) -> list[str]:
    """What an application lacks for a letter, in words."""
    needs = (needs_borrower, *NEEDS.get(kind, ()))
    return [reason for need in needs if (reason := need(application))]


def needs_borrower(application: Application) -> str:
    """Somebody to write to."""
    return "" if application.borrower_links.exists() else "it needs a borrower"


def needs_approval(application: Application) -> str:
    """An amount that the lender agreed to."""
    return "it needs an approved amount" if application.approved_amount is None else ""


def needs_loan(application: Application) -> str:
    """Money that was lent."""
    return "" if Loan.objects.filter(application=application).exists() else "it has not been settled"


def needs_changed_loan(application: Application) -> str:
    """Terms that were changed after settlement."""
    changed = ScheduleVersion.objects.filter(loan__application=application, version__gt=1).exists()
    return "" if changed else "the terms of its loan have not been changed"


def needs_guarantor(application: Application) -> str:
    """Somebody who guarantees."""
    return "" if application.guarantor_links.exists() else "it needs a guarantor"


Need = Callable[[Application], str]
NEEDS: dict[LetterType, tuple[Need, ...]] = {
    LetterType.APPROVAL: (needs_approval,),
    LetterType.SETTLEMENT: (needs_loan,),
    LetterType.REMINDER: (needs_loan,),
    LetterType.RENEWAL: (needs_loan,),
    LetterType.EXTENSION: (needs_loan, needs_changed_loan),
    LetterType.DISCHARGE: (needs_loan,),
    LetterType.LOAN_AGREEMENT: (needs_approval,),
    LetterType.GUARANTOR_LETTER: (needs_guarantor,),
    LetterType.STATEMENT: (needs_loan,),
}


def _application(application: Application) -> dict[str, str]:
    return {
        "reference": application.reference_number,
        "type": str(application.get_application_type_display()),
        "purpose": application.purpose,
        "product": application.product.name if application.product else "",
        "amount": money(application.amount_to_lend),
        "approved_amount": money(application.approved_amount),
        "term": months(application.loan_term),
        "rate": percent(application.interest_rate),
        "frequency": str(application.get_repayment_frequency_display()),
        "estimated_settlement_date": long_date(application.estimated_settlement_date),
    }
