"""How late the loans of a set of applications are, in figures."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Min, QuerySet, Sum

from servicing.allocation import ZERO
from servicing.choices import UNPAID, ArrearsBucket, LoanStatus, bucket_of
from servicing.dates import business_date
from servicing.models import Loan, Repayment

DEFINITIONS = {
    "open_loans": "Loans of these applications that are settled and neither paid out nor written off.",
    "arrears": "Of the open loans, by the lender's day: loans with a repayment that was due before today and "
    "is not paid in full, and what is unpaid of such repayments; fees aside. buckets: the same by the days "
    "past due of a loan's oldest such repayment.",
}


def arrears_of(applications: QuerySet[Any], *, today: date | None = None) -> dict[str, Any]:
    """Open loans and arrears as `DEFINITIONS` says, AUD. Two queries; one has a row for each late loan."""
    today = today or business_date()
    loans = Loan.objects.filter(
        application__in=applications.order_by().values("pk"), status=LoanStatus.ACTIVE
    )
    late = (
        Repayment.objects.filter(
            application__in=loans.values("application"), status__in=UNPAID, due_date__lt=today, amount__gt=0
        )
        .order_by()
        .values("application")
        .annotate(oldest=Min("due_date"), unpaid=Sum(F("amount") - F("interest_paid") - F("principal_paid")))
    )
    counts: defaultdict[ArrearsBucket, int] = defaultdict(int)
    amounts: defaultdict[ArrearsBucket, Decimal] = defaultdict(lambda: ZERO)
    for row in late:
        bucket = bucket_of((today - row["oldest"]).days)
        counts[bucket] += 1
        amounts[bucket] += row["unpaid"]
    return {
        "open_loans": loans.count(),
        "arrears": {
            "loans": sum(counts.values()),
            "amount": sum(amounts.values(), ZERO),
            "buckets": [
                {
                    "bucket": bucket.value,
                    "bucket_display": bucket.label,
                    "loans": counts[bucket],
                    "amount": amounts[bucket],
                }
                for bucket in ArrearsBucket
                if bucket != ArrearsBucket.CURRENT
            ],
        },
    }
