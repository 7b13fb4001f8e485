"""Figures of generated books, by role and filter, from rows and from rollups, against plain Python."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from applications.models import Application
from brokers.models import Bdm, Branch, Broker
from reports.registry import REPORTS, Filters, compute
from reports.selectors import brokers
from reports.services.rollups import rollups_check, rollups_rebuild
from servicing.dates import business_date
from tests.factories import UserFactory
from tests.reports.books import naive, naive_arrears, naive_brokers, random_book

PERIODS = [
    (None, None),
    (date(2024, 2, 29), date(2024, 2, 29)),
    (date(2024, 2, 28), date(2025, 1, 1)),
    (date(2024, 1, 1), date(2024, 12, 31)),
    (None, date(2024, 12, 31)),
    (date(2025, 1, 1), None),
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("whole", [False, True], ids=["rows", "rollups"])
def test_figures_are_those_of_plain_python(db, seed, whole, monkeypatch):
    monkeypatch.setattr(brokers, "LISTED", 2)
    today = business_date()
    random_book(seed, today)
    if whole:
        assert rollups_rebuild()
        assert rollups_check() == (0, 0)
    readers = [
        UserFactory(role="admin"), *(row.user for row in Bdm.objects.all()),
        *(row.user for row in Broker.objects.exclude(user=None)), UserFactory(role="broker"),
    ]  # fmt: skip
    application = Application.objects.filter(stage="settled").first()
    filters = [
        {}, {"broker_id": Broker.objects.first().pk}, {"bd_id": Bdm.objects.first().pk},
        {"branch_id": Branch.objects.first().pk}, {"application_id": application.pk},
        {"branch_id": Branch.objects.last().pk, "bd_id": Bdm.objects.first().pk},
    ]  # fmt: skip
    asked = 0
    for reader in readers:
        for people in filters:
            own = {name: value for name, value in people.items() if name != "application_id"}
            rows = Application.objects.visible_to(reader).filter(**own)
            if "application_id" in people:
                rows = rows.filter(pk=people["application_id"])
            applications = list(rows)
            for first, last in [*PERIODS, (today - timedelta(days=45), today)]:
                expected = naive(applications, first, last, today)
                assert figures(reader, Filters(first, last, **people)) == expected
                assert of_brokers(reader, Filters(first, last, **people)) == naive_brokers(
                    applications, first, last, 2
                )
                asked += expected["total_applications"]
            arrears = compute(REPORTS["arrears-ageing"], reader, Filters(**people)).data
            found = {
                row["bucket"]: [row["loans"], row["principal"]] for row in arrears["buckets"] if row["loans"]
            }
            assert found == naive_arrears(applications, today)
    assert asked


def of_brokers(reader, filters):
    data = compute(REPORTS["broker-performance"], reader, filters).data
    names = (
        "settled_amount", "total_loan_amount", "total_applications", "settled_applications",
        "declined_applications",
    )  # fmt: skip
    return {
        "brokers": data["broker_count"],
        "total": [data[name] for name in names],
        "listed": [
            (row["broker_id"], *(row[name] for name in names), row["approval_rate"])
            for row in data["brokers"]
        ],
    }


def figures(reader, filters):
    volume = compute(REPORTS["application-volume"], reader, filters).data
    status = compute(REPORTS["application-status"], reader, filters).data
    paid = compute(REPORTS["repayment-compliance"], reader, filters).data
    # The parts add up to the whole.
    assert sum(row["count"] for row in volume["time_breakdown"]) == volume["total_applications"]
    assert sum(row["count"] for row in volume["bd_breakdown"]) == volume["total_applications"]
    assert sum(volume["stage_breakdown"].values()) == sum(volume["type_breakdown"].values())
    assert sum(row["missed"] for row in paid["monthly_breakdown"]) == paid["missed"]
    days = paid["average_days_late"]
    return {
        "total_applications": volume["total_applications"],
        "total_loan_amount": volume["total_loan_amount"],
        "settled": status["total_settled"],
        "approved_rate": status["inquiry_to_approval_rate"],
        "days_in_inquiry": status["avg_time_in_stage"].get("inquiry"),
        **{name: paid[name] for name in ("total_repayments", "paid_on_time", "paid_late", "missed")},
        "days_late": int((days * paid["paid_late"]).quantize(Decimal(1))) if days is not None else 0,
        "due": paid["total_amount_due"],
        "paid": paid["total_amount_paid"],
    }
