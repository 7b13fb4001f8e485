"""Files of reports have the figures of the reply, and are of the reader's rows."""

import csv
import io
from decimal import Decimal

import openpyxl
import pypdfium2
import pytest

from reports.registry import REPORTS, Filters, compute
from servicing.dates import business_date
from tests.factories import ApplicationFactory

CUSTOM = "/api/reports/custom/"
EXPORT = f"{CUSTOM}export/"
BODY = {
    "name": "Brokers, a look",
    "source": "applications",
    "dimensions": ["broker"],
    "measures": ["count", "total_loan_amount", "weighted_rate"],
    "order": ["-total_loan_amount"],
}
pytestmark = pytest.mark.django_db


def download(client, form, **changes):
    reply = client.post(f"{EXPORT}?format={form}", {**BODY, **changes})
    assert reply.status_code == 200, reply.content
    assert f'.{form}"' in reply["Content-Disposition"]
    return b"".join(reply.streaming_content)


@pytest.fixture(params=["admin", "bd", "broker"])
def reader(request, api, world):
    ApplicationFactory.create(
        broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch, loan_amount="123456.78"
    )
    return api(world.user(request.param))


def test_each_file_has_the_figures_of_the_reply(reader):
    shown = reader.post(CUSTOM, BODY).json()
    expected = [
        (row["broker_label"], row["count"], row["total_loan_amount"], row["weighted_rate"])
        for row in shown["rows"]
    ]
    assert expected
    lines = list(csv.reader(io.StringIO(download(reader, "csv").decode())))
    assert lines[0] == ["broker", "count", "total_loan_amount", "weighted_rate"]
    assert lines[1:] == [[str(cell) for cell in row] for row in expected]

    book = openpyxl.load_workbook(io.BytesIO(download(reader, "xlsx")), data_only=True)
    assert book.sheetnames == ["Brokers, a look", "Total", "Definitions"]
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [
        (name, count, f"{amount:.2f}", f"{rate * 100:.4f}") for name, count, amount, rate in rows
    ] == expected
    total = next(book["Total"].iter_rows(min_row=2, values_only=True))
    assert (total[1], f"{total[2]:.2f}") == (shown["totals"]["count"], shown["totals"]["total_loan_amount"])

    pages = pypdfium2.PdfDocument(download(reader, "pdf"))
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    assert "Applications by Broker" in text
    for name, count, amount, rate in expected:
        assert f"{name} {count} ${float(amount):,.2f} {rate} %" in " ".join(text.split())


def test_a_page_names_no_one_whom_its_reader_does_not_see(api, world):
    filters = [{"field": "broker", "values": [world.theirs.broker.pk]}]
    content = download(api(world.ours.broker_user), "pdf", filters=filters)
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(content))
    assert "Broker: 1 chosen" in text
    assert str(world.theirs.broker) not in text


def test_a_definition_is_checked_before_a_file_begins(admin):
    reply = admin.post(f"{EXPORT}?format=pdf", {**BODY, "dimensions": ["colour"]})
    assert reply.status_code == 400
    assert set(reply.json()["errors"]) == {"dimensions"}


def test_an_unknown_format_is_refused(admin):
    reply = admin.post(f"{EXPORT}?format=docx", BODY)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"format": ["Choose csv or xlsx or pdf."]}


def test_clients_have_no_files(client):
    assert client.post(f"{EXPORT}?format=csv", BODY).status_code == 403


# --- the seven --------------------------------------------------------------------------------------

REPORTS_EXPORT = "/api/reports/export/"


def report_file(client, form, **query):
    reply = client.get(REPORTS_EXPORT, {"format": form, **query})
    assert reply.status_code == 200, reply.content
    assert f'filename="{query["report"]}' in reply["Content-Disposition"]
    return b"".join(reply.streaming_content)


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_report_is_a_file_of_the_same_figures(name, admin, world):
    query = {"report": name}
    result = compute(REPORTS[name], world.admin, Filters())
    book = openpyxl.load_workbook(io.BytesIO(report_file(admin, "xlsx", **query)), data_only=True)
    assert len(book.sheetnames) == len(result.sheets) + 1
    for sheet, tab in zip(result.sheets, book.worksheets, strict=False):
        lines = list(csv.reader(io.StringIO(report_file(admin, "csv", sheet=sheet.key, **query).decode())))
        assert lines[0] == [column.key for column in sheet.columns]
        assert len(lines) - 1 == len(sheet.rows) == tab.max_row - 1
    pages = pypdfium2.PdfDocument(report_file(admin, "pdf", **query))
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    assert REPORTS[name].title in text
    assert world.admin.full_name in text


def test_a_file_of_a_report_is_of_the_readers_rows_and_period(api, world):
    ApplicationFactory.create(broker=world.ours.broker, loan_amount="123456.78")
    client = api(world.ours.broker_user)
    today = business_date().isoformat()
    query = {"start_date": "2020-01-01", "end_date": today, "broker_id": world.ours.broker.pk}
    shown = client.get("/api/reports/application-volume/", query).json()
    assert shown["total_applications"] == 2
    lines = list(
        csv.DictReader(io.StringIO(report_file(client, "csv", report="application-volume", **query).decode()))
    )
    assert [int(line["total_applications"]) for line in lines] == [2]


@pytest.mark.parametrize("name", sorted(name for name, report in REPORTS.items() if report.headlines))
def test_files_have_the_comparison_that_is_asked_for(api, world, name):
    ApplicationFactory.create(broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch)
    client, query = api(world.ours.bd_user), {"period": "last_30_days", "compare": "previous"}
    shown = client.get(f"/api/reports/{name}/", query).json()["comparison"]
    content = report_file(client, "csv", report=name, sheet="comparison", **query).decode()
    now, before, change = csv.DictReader(io.StringIO(content))
    assert before["period"] == f"{shown['start_date']} to {shown['end_date']}"
    assert now["period"].split(" to ")[0] > shown["end_date"]
    for one in shown["figures"]:
        cells = [row[one["figure"]] for row in (now, before, change)]
        said = [one["value"], one["previous"], one["change"]]
        # A reply has two decimals for all of them.
        assert [Decimal(cell) if cell else None for cell in cells] == [
            text and Decimal(text) for text in said
        ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "report"),
        ({"report": "weather"}, "report"),
        ({"report": "arrears-ageing", "sheet": "weather"}, "sheet"),
        ({"report": "arrears-ageing", "start_date": "2026-01-01"}, "start_date"),
        ({"report": "application-volume", "start_date": "soon"}, "start_date"),
        ({"report": "application-volume", "broker_id": "0"}, "broker_id"),
    ],
)
def test_what_no_report_knows_is_refused_before_a_file_begins(admin, query, field):
    reply = admin.get(REPORTS_EXPORT, {"format": "xlsx", **query})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_clients_have_no_files_of_reports(client):
    assert client.get(REPORTS_EXPORT, {"format": "csv", "report": "commission"}).status_code == 403
