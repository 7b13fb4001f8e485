"""What lists of applications can be asked for: every filter, ordering, kind of search and place in the list.

Taken from the filter set and the viewset themselves. A new filter needs a value here, and the plan tests
then say whether it needs an index.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.utils.http import urlencode

from applications.filters import ApplicationFilter
from applications.models import ApplicationBorrower
from applications.views.applications import ApplicationViewSet
from benchmarks.grown import BASE, PARTNERS, PRODUCTS, START, STEP, Grown
from crm_backend.common.pagination import Cursor

APPLICATIONS = "/api/applications/"

# By kind, what to look for: found everywhere, by name, once, never, by a beginning, two at once, literally.
SEARCHES = {
    "in all": "example.com",
    "in none": "zzzqqq",
    "a surname": "smith",
    "two letters": "ng",
    "one letter": "n",
    "two words": "maria smith",
    "a wildcard": "100%_",
    "a purpose": "boat",
}


def filters(book: Grown) -> dict[str, tuple[str, ...]]:
    """By filter, values to ask for: one that much of the book has, and one that little or nothing has."""
    last = book.application(0.999)
    link = ApplicationBorrower.objects.filter(application=last).get()
    end = START + book.size * STEP
    early, late = (
        f"{START + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        f"{last.created_at:%Y-%m-%dT%H:%M:%SZ}",
    )
    return {
        "stage": ("settled", "formal_approval", "approved", "closed", "nowhere"),
        "application_type": ("residential", "smsf", "construction"),
        "repayment_frequency": ("monthly", "weekly", "fortnightly"),
        "client_reference": ("IMPORT-3", "nothing"),
        "product": (str(BASE + 1), str(BASE + PRODUCTS), str(BASE + PRODUCTS + 1)),
        "broker": (str(last.broker_id), "1"),
        "bd": (str(last.bd_id or BASE + 1), "1"),
        "branch": (str(last.branch_id), str(BASE + 13)),
        "referral_partner": (str(BASE + 1), str(BASE + PARTNERS + 1)),
        "borrower": (str(link.borrower_id), "1"),
        "min_loan_amount": ("20000", "999900", "5000000"),
        "max_loan_amount": ("900000", "10100", "1"),
        "min_interest_rate": ("4", "14.98", "50"),
        "max_interest_rate": ("14", "3.01", "1"),
        "created_after": (early, late, "2200-01-01T00:00:00Z"),
        "created_before": (late, early, "1990-01-01T00:00:00Z"),
        "date_from": (f"{START:%Y-%m-%d}", f"{end:%Y-%m-%d}", "2200-01-01"),
        "date_to": (f"{end:%Y-%m-%d}", f"{START - timedelta(days=1):%Y-%m-%d}", "1990-01-01"),
    }


def filtered(book: Grown, most: int | None = None) -> Iterator[str]:
    """Query strings of every filter, with at most so many values of each.

    Raises:
        KeyError: a filter has no value here.
    """
    values = filters(book)
    for name in ApplicationFilter.base_filters:
        for value in values[name][:most]:
            yield urlencode({name: value})


def orderings() -> list[str]:
    """Query strings of every ordering, both ways."""
    names = [f"{sign}{name}" for name in ApplicationViewSet.ordering_fields for sign in ("", "-")]
    return [urlencode({"ordering": name}) for name in names]


def searches(book: Grown) -> list[str]:
    """Query strings of every kind of search."""
    once = {"a reference": book.application(0.5).reference_number}
    return [urlencode({"search": words}) for words in (SEARCHES | once).values()]


def places(book: Grown) -> list[str]:
    """Query strings of cursors at the beginning, in the middle and near the end of the list."""
    ordering = ("-created_at", "-id")
    rows = [book.application(share) for share in (0.5, 0.05)]
    cursors = [Cursor(ordering, values=(str(row.created_at), str(row.pk))) for row in rows]
    return [urlencode({"cursor": text}) for text in ("", *(cursor.encode() for cursor in cursors))]


def sublists(book: Grown) -> list[str]:
    """Addresses of the lists below one application, and of the applications of people."""
    row = book.application(0.999)
    link = ApplicationBorrower.objects.filter(application=row).get()
    below = ("stage-history", "timeline", "notes", "securities", "borrowers", "guarantors",
             "funding-calculation-history")  # fmt: skip
    return [
        f"/api/brokers/{row.broker_id}/applications/",
        f"/api/brokers/bdms/{row.bd_id}/applications/",
        f"/api/borrowers/{link.borrower_id}/applications/",
        f"{APPLICATIONS}{row.pk}/",
        *(f"{APPLICATIONS}{row.pk}/{name}/" for name in below),
    ]


def questions(book: Grown) -> Iterator[str]:
    """Addresses of all lists of applications that one filter, ordering, search or place alone asks for."""
    for query in ("", *filtered(book), *orderings(), *searches(book), *places(book)):
        yield f"{APPLICATIONS}?{query}".rstrip("?")


def combinations(book: Grown) -> Iterator[str]:
    """Addresses of every filter and search in every ordering."""
    for query in (*filtered(book, most=2), *searches(book)):
        for ordering in orderings():
            yield f"{APPLICATIONS}?{query}&{ordering}"
