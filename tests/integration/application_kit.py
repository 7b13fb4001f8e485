"""Addresses and bodies that tests of applications share."""

from applications.models import Application

APPLICATIONS = "/api/applications/"
CASCADE = f"{APPLICATIONS}create-with-cascade/"
TERMS = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}
FUNDING = {
    "establishment_fee_rate": "1.5",
    "capped_interest_months": 9,
    "monthly_line_fee_rate": "0.1",
    "brokerage_fee_rate": "1",
    "application_fee": "500",
    "due_diligence_fee": "750.00",
    "legal_fee_before_gst": "1000",
    "valuation_fee": "880",
    "monthly_account_fee": "10",
}


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def url(application, tail=""):
    pk = application if isinstance(application, int) else application.pk
    return f"{APPLICATIONS}{pk}/{tail}"


def submit(application):
    Application.objects.filter(pk=application.pk).update(stage="app_submitted")
