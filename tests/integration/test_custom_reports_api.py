"""`/api/reports/custom/`: figures by groups, names that are refused, and whose rows are counted."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from applications.choices import Stage
from applications.models import Application
from applications.services.stage import application_change_stage
from events.dispatcher import dispatch_pending
from events.models import Event
from reports.services.rollups import rollups_rebuild, rollups_refresh
from tests.clients import ApiClient
from tests.factories import ApplicationFactory, SecurityFactory
from tests.servicing.kit import settled
from tests.writes import nothing_written
from users.services.api_keys import api_key_create

CUSTOM = "/api/reports/custom/"
pytestmark = pytest.mark.django_db


def ask(client, **body):
    with nothing_written():
        return client.post(CUSTOM, {"source": "applications", **body})


def test_a_small_book_by_stage(admin, world):
    Application.objects.all().update(loan_amount=Decimal("100.00"), interest_rate=Decimal("5.0000"))
    ApplicationFactory.create(stage="app_submitted", loan_amount="300.00", interest_rate="9.0000")
    reply = ask(
        admin,
        name="By stage",
        dimensions=["stage"],
        measures=["count", "average_loan_amount", "weighted_rate"],
        order=["-count"],
    )
    assert reply.status_code == 200
    assert reply.json() == {
        "name": "By stage",
        "source": "applications",
        "columns": [
            {"name": "stage", "title": "Stage", "kind": "text", "is_measure": False},
            {"name": "count", "title": "Applications", "kind": "count", "is_measure": True},
            {
                "name": "average_loan_amount",
                "title": "Average loan amount",
                "kind": "money",
                "is_measure": True,
            },
            {"name": "weighted_rate", "title": "Weighted rate", "kind": "percent", "is_measure": True},
        ],
        "rows": [
            {
                "stage": "inquiry",
                "stage_label": "Inquiry",
                "count": 2,
                "average_loan_amount": "100.00",
                "weighted_rate": "5.0000",
            },
            {
                "stage": "app_submitted",
                "stage_label": "Application submitted",
                "count": 1,
                "average_loan_amount": "300.00",
                "weighted_rate": "9.0000",
            },
        ],
        # (2 × 100 × 5 + 300 × 9) / 500
        "totals": {"count": 3, "average_loan_amount": "166.67", "weighted_rate": "7.4000"},
        "as_of": reply.json()["as_of"],
        "is_cut": False,
        "definitions": reply.json()["definitions"],
    }
    assert set(reply.json()["definitions"]) == {
        "rows",
        "stage",
        "count",
        "average_loan_amount",
        "weighted_rate",
    }


def test_rollups_tell_what_they_have_counted(admin, world):
    def read():
        reply = ask(admin, dimensions=["stage"], measures=["count"]).json()
        return {row["stage"]: row["count"] for row in reply["rows"]}, datetime.fromisoformat(reply["as_of"])

    dispatch_pending()
    from_rows, _ = read()
    rollups_rebuild()
    rollups_refresh()
    assert read()[0] == from_rows
    application_change_stage(
        application=world.ours.application, to=Stage.SENT_TO_LENDER, actor=world.admin, reason=""
    )
    moved = Event.objects.get(type="application.stage_changed").occurred_at
    assert read() == (from_rows, moved)  # not counted yet, and it says so
    dispatch_pending()
    rollups_refresh()
    counted, as_of = read()
    assert counted == {**from_rows, "inquiry": from_rows["inquiry"] - 1, "sent_to_lender": 1}
    assert as_of > moved


def test_readers_see_figures_of_their_own_rows_only(api, world):
    for user, count in ((world.admin, 2), (world.ours.bd_user, 1), (world.ours.broker_user, 1)):
        reply = ask(api(user), dimensions=["broker"], measures=["count"])
        assert reply.json()["totals"] == {"count": count}, user.role
    assert reply.json()["rows"] == [
        {"broker": world.ours.broker.pk, "broker_label": str(world.ours.broker), "count": 1}
    ]
    # Asking for another's by its id finds nothing.
    of_theirs = [{"field": "broker", "values": [world.theirs.broker.pk]}]
    reply = ask(api(world.ours.broker_user), dimensions=["broker"], measures=["count"], filters=of_theirs)
    assert (reply.json()["rows"], reply.json()["totals"]) == ([], {"count": 0})


def test_clients_have_no_reports(client):
    assert ask(client, measures=["count"]).status_code == 403


def test_nothing_gives_zeros_and_nulls(admin, world):
    never = [{"field": "created_on", "start": "1999-01-01", "end": "1999-12-31"}]
    reply = ask(admin, measures=["count", "weighted_rate", "total_loan_amount"], filters=never)
    assert reply.json()["rows"] == []
    assert reply.json()["totals"] == {"count": 0, "weighted_rate": None, "total_loan_amount": None}


def test_days_are_those_of_the_lender(admin, world):
    application = world.ours.application
    # 23:30 UTC on 31 January is 10:30 on 1 February in Sydney.
    moment = datetime(2025, 1, 31, 23, 30, tzinfo=UTC)
    Application.objects.filter(pk=application.pk).update(created_at=moment)
    first = [{"field": "created_on", "start": "2025-02-01", "end": "2025-02-01"}]
    reply = ask(admin, dimensions=["created_month"], measures=["count"], filters=first)
    assert reply.json()["rows"] == [
        {"created_month": "2025-02-01", "created_month_label": "Feb 2025", "count": 1}
    ]
    january = [{"field": "created_on", "start": "2025-01-01", "end": "2025-01-31"}]
    assert ask(admin, measures=["count"], filters=january).json()["totals"] == {"count": 0}


def test_bands_of_lvr_end_with_their_upper_edge(admin, world):
    expected = {"600.00": "to_60", "600.01": "to_70", "900.00": "to_90", "900.01": "over_90"}
    made = []
    for amount in expected:
        application = ApplicationFactory.create(loan_amount=amount, purpose="bands")
        SecurityFactory.create(application=application, value="500.00", valuation_amount=None)
        SecurityFactory.create(application=application, value="1.00", valuation_amount="500.00")
        made.append(application.pk)
    filters = [{"field": "loan_amount", "start": "600.00", "end": "900.01"}]
    reply = ask(admin, dimensions=["lvr_band"], measures=["count", "total_loan_amount"], filters=filters)
    found = {row["lvr_band"]: row["total_loan_amount"] for row in reply.json()["rows"]}
    assert found == {band: amount for amount, band in expected.items()}


def test_what_has_none_is_a_group_and_can_be_asked_for(admin, world):
    ApplicationFactory.create(broker=None, bd=None, branch=None)
    none = [{"field": "branch", "values": [None]}]
    reply = ask(admin, dimensions=["branch"], measures=["count"], filters=none)
    assert reply.json()["rows"] == [{"branch": None, "branch_label": "None", "count": 1}]
    reply = ask(admin, dimensions=["branch"], measures=["count"])
    assert reply.json()["rows"][-1] == {"branch": None, "branch_label": "None", "count": 1}


def test_a_limit_cuts_rows_and_not_totals(admin, world):
    reply = ask(admin, dimensions=["broker"], measures=["count"], limit=1)
    assert len(reply.json()["rows"]) == 1
    assert reply.json()["is_cut"] is True
    assert reply.json()["totals"] == {"count": 2}


def test_too_many_groups_are_refused(admin, world, monkeypatch):
    monkeypatch.setattr("reports.selectors.custom.MAX_ROWS", 1)
    reply = ask(admin, dimensions=["broker"], measures=["count"])
    assert (reply.status_code, reply.json()["code"]) == (422, "report_too_large")


def test_a_slow_report_is_stopped(admin, world, monkeypatch):
    monkeypatch.setattr("reports.selectors.custom.TIMEOUT_MS", 1)
    from django.db.models import Func, IntegerField, Value

    from reports.selectors import custom_fields

    slow = Func(
        Value(5),
        function="pg_sleep",
        template="(SELECT 1 FROM (SELECT %(function)s(%(expressions)s)) s)",
        output_field=IntegerField(),
    )
    dimension = custom_fields.APPLICATIONS.dimensions["stage"]
    monkeypatch.setitem(
        custom_fields.APPLICATIONS.dimensions,
        "stage",
        type(dimension)("stage", "Stage", lambda: slow, "Slow."),
    )
    reply = ask(admin, dimensions=["stage"], measures=["count"])
    assert (reply.status_code, reply.json()["code"]) == (422, "report_too_slow")


REFUSED = {
    "dimension": ({"dimensions": ["id; DROP TABLE users"]}, "dimensions"),
    "a column of the model": ({"dimensions": ["created_by__password"]}, "dimensions"),
    "twice": ({"dimensions": ["stage", "stage"]}, "dimensions"),
    "measure": ({"measures": ["sum(1)"]}, "measures"),
    "no measure": ({"measures": []}, "measures"),
    "order by what is not in it": ({"order": ["loan_amount"]}, "order"),
    "filter": ({"filters": [{"field": "pk", "values": [1]}]}, "filters"),
    "lookup": ({"filters": [{"field": "stage__contains", "values": ["x"]}]}, "filters"),
    "value": ({"filters": [{"field": "stage", "values": ["sold"]}]}, "filters"),
    "text for an id": ({"filters": [{"field": "broker", "values": ["1 OR 1=1"]}]}, "filters"),
    "id beyond": ({"filters": [{"field": "broker", "values": [2**63]}]}, "filters"),
    "range of a code": ({"filters": [{"field": "stage", "start": "a"}]}, "filters"),
    "not a date": ({"filters": [{"field": "created_on", "start": "soon"}]}, "filters"),
    "backwards": (
        {"filters": [{"field": "created_on", "start": "2025-02-01", "end": "2025-01-01"}]},
        "filters",
    ),
    "empty range": ({"filters": [{"field": "created_on"}]}, "filters"),
    "period of an amount": ({"filters": [{"field": "loan_amount", "period": "last_month"}]}, "filters"),
    "source": ({"source": "users"}, "source"),
    "limit": ({"limit": 10_001}, "limit"),
    "unknown": ({"sql": "SELECT 1"}, "sql"),
}


@pytest.mark.parametrize(("body", "field"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_on_the_list_is_refused(admin, body, field):
    reply = ask(admin, **{"measures": ["count"], **body})
    assert reply.status_code == 400
    assert set(reply.json()["errors"]) == {field}


def test_a_refusal_names_what_is_allowed(admin):
    reply = ask(admin, measures=["count"], dimensions=["colour"])
    [message] = reply.json()["errors"]["dimensions"]
    assert message.startswith("Unknown: colour. Allowed are: stage, branch, broker, bdm, ")


def test_the_list_of_fields_is_what_runs(admin, world):
    settled(world.admin, world.ours.application)
    listed = admin.get(f"{CUSTOM}fields/").json()
    assert [source["name"] for source in listed["sources"]] == ["applications", "repayments", "leads"]
    for source in listed["sources"]:
        measures = [one["name"] for one in source["measures"]]
        whole = ask(admin, source=source["name"], measures=measures[:12])
        assert whole.status_code == 200
        rest = ask(admin, source=source["name"], measures=measures[12:] or measures[:1])
        assert rest.status_code == 200
        values: dict[str, dict[str, Any]] = {
            "values": {"values": [None]},
            "dates": {"period": "last_month"},
            "amounts": {"start": "1"},
        }
        for dimension in source["dimensions"]:
            body = {"dimensions": [dimension["name"]], "measures": ["count"]}
            reply = ask(admin, source=source["name"], **body)
            assert sum(row["count"] for row in reply.json()["rows"]) == whole.json()["totals"]["count"] > 0
        for one in source["filters"]:
            given = values[one["takes"]]
            body = {"measures": ["count"], "filters": [{"field": one["name"], **given}]}
            assert ask(admin, source=source["name"], **body).status_code == 200


def test_figures_of_a_settled_loan(admin, world):
    settled(world.admin, world.ours.application)
    reply = ask(admin, measures=["settled_count", "outstanding_balance"])
    assert reply.json()["totals"]["settled_count"] == 1
    assert Decimal(reply.json()["totals"]["outstanding_balance"]) >= 12_000
    reply = ask(admin, source="repayments", measures=["count", "amount_due", "amount_paid", "paid_late"])
    totals = reply.json()["totals"]
    assert (totals["count"], totals["amount_paid"], totals["paid_late"]) == (12, "0.00", 0)


def test_a_key_reads_balances_of_loans_with_their_scope_only(world):
    scopes = ["custom-reports:write", "applications:write", "repayments:write", "leads:write"]
    body = {"source": "applications", "measures": ["outstanding_balance"]}
    for scope, status in (([], 403), (["loans:write"], 200)):
        _, raw = api_key_create(actor=world.admin, user=world.admin, name="Sheets", scopes=[*scopes, *scope])
        client = ApiClient()
        client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
        assert client.post(CUSTOM, body).status_code == status
