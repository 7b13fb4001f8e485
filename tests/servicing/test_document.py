"""The loan that the documentation works out by hand is what the API answers, and what is drawn."""

import json
import re
from datetime import timedelta
from pathlib import Path
from runpy import run_path

import pytest
import time_machine

from servicing.models import Commission
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.changes import loan_pay_out
from tests.factories import CommissionTermsFactory, ProductFactory
from tests.servicing.kit import START, settled

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "servicing.md").read_text()
ROW = re.compile(
    r"^\| (\d+) \| (\d{4}-\d\d-\d\d) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$",
    re.MULTILINE,
)
NAMES = ("number", "due_date", "days", "interest", "principal", "total", "balance")


@pytest.mark.django_db
def test_the_api_answers_what_the_document_works_out(world, api):
    given = json.loads(re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])
    reply = api(world.ours.client_user).post("/api/schedules/preview/", given)
    assert reply.status_code == 200
    rows = [
        {
            name: int(value) if name in {"number", "days"} else value
            for name, value in zip(NAMES, row, strict=True)
        }
        for row in ROW.findall(TEXT)
    ]
    assert len(rows) == 12
    assert reply.json()["instalments"] == rows
    sums = re.search(r"^\| \| \| \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| \|$", TEXT, re.MULTILINE).groups()
    assert reply.json()["totals"] == dict(zip(("interest", "principal", "total"), sums, strict=True))


COMMISSION = re.compile(
    r"^\| (upfront|trail|clawback) \| (\d{4}-\d\d-\d\d)" + 4 * r" \| (-?[\d.]+)" + r" \|$",
    re.MULTILINE,
)


@pytest.mark.django_db
def test_the_services_accrue_what_the_document_works_out(world):
    terms = json.loads(re.search(r"```json terms\n(.*?)```", TEXT, re.DOTALL)[1])
    CommissionTermsFactory.create(**terms)
    product = ProductFactory.create(repayment_method="interest_only")
    lent = {"approved_amount": "450000.00", "product": product}
    with time_machine.travel("2025-01-15T03:00:00Z", tick=False):
        application = settled(world.admin, world.ours.application, on=START, terms=lent).application
    with time_machine.travel("2025-04-25T03:00:00Z", tick=False):
        figure = payoff(read_facts(application), START + timedelta(days=100)).total
        loan_pay_out(application=application, actor=world.admin, amount=figure)
    names = ("kind", "accrued_on", "base", "amount", "broker_amount", "branch_amount")
    rows = Commission.objects.order_by("pk").values_list(*names)
    assert [tuple(map(str, row)) for row in rows] == COMMISSION.findall(TEXT)
    assert len(rows) == 5


def test_the_picture_is_drawn_from_the_table():
    script = run_path(str(ROOT / "scripts" / "draw_schedule.py"))
    assert (ROOT / "docs" / "images" / "schedule.svg").read_text() == script["drawing"](TEXT)
