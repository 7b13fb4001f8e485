"""The list of applications as a file."""

import asyncio
import csv
import io
from datetime import date, timedelta

import pytest
from django.db import connections
from django.utils import timezone
from openpyxl import load_workbook

from applications.models import Application
from applications.serializers.bulk import ApplicationExportSerializer
from applications.views import bulk
from crm_backend.asgi import application as asgi
from crm_backend.common import downloads
from tests.checks import assert_refused
from tests.factories import ApplicationFactory
from tests.threads import in_thread

pytestmark = pytest.mark.django_db

ADDRESS = "/api/applications/export/"
HEADER = list(ApplicationExportSerializer().fields)


def lines_of(reply) -> list[dict[str, str]]:
    assert reply.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(reply).decode())))


def cells_of(reply) -> list[list]:
    assert reply.status_code == 200
    sheet = load_workbook(io.BytesIO(b"".join(reply))).worksheets[0]
    return [list(row) for row in sheet.iter_rows()]


def test_a_csv_file_has_the_rows_of_the_list_written_as_the_api_writes_them(world, api):
    ours = world.ours.application
    ours.estimated_settlement_date = date(2027, 3, 31)
    ours.purpose = 'A "house",\nby the sea'
    ours.save()
    client = api(world.ours.broker_user)
    reply = client.get(ADDRESS)
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    today = timezone.now().date().isoformat()
    assert reply["Content-Disposition"] == f'attachment; filename="applications-{today}.csv"'
    (line,) = lines_of(reply)
    assert list(line) == HEADER
    (listed,) = client.get("/api/applications/").json()["results"]
    assert {name: line[name] for name in listed} == {
        name: "" if value is None else str(value) for name, value in listed.items()
    }
    assert (line["loan_amount"], line["stage_display"]) == ("450000.00", "Inquiry")
    assert line["purpose"] == 'A "house",\nby the sea'


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_everyone_exports_what_they_list(world, api, role):
    client = api(world.user(role))
    listed = [entry["reference_number"] for entry in client.get("/api/applications/").json()["results"]]
    assert [line["reference_number"] for line in lines_of(client.get(ADDRESS))] == listed
    assert len(listed) == (2 if role == "admin" else 1)


def test_filters_search_and_ordering_are_those_of_the_list(world, api, monkeypatch):
    monkeypatch.setattr(bulk, "EXPORT_CHUNK", 2)
    for amount in (5, 3, 9, 1, 7):
        ApplicationFactory.create(loan_amount=amount, purpose="boat", application_type="personal")
    client = api(world.admin)

    def amounts(**query):
        return [line["loan_amount"] for line in lines_of(client.get(ADDRESS, query))]

    asked = {"application_type": "personal", "max_loan_amount": "7"}
    assert amounts(**asked, ordering="-loan_amount") == ["7.00", "5.00", "3.00", "1.00"]
    assert amounts(search="boat", ordering="loan_amount", limit=1, offset=3) == [
        "1.00", "3.00", "5.00", "7.00", "9.00",
    ]  # fmt: skip
    assert amounts(stage="settled") == []
    assert client.get(ADDRESS, {"ordering": "colour"}).status_code == 400
    assert client.get(ADDRESS, {"date_from": "yesterday"}).status_code == 400


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_text_that_would_be_a_formula_is_text(world, api, start):
    Application.objects.update(purpose=f'{start}HYPERLINK("http://x")')
    client = api(world.ours.broker_user)
    (line,) = lines_of(client.get(ADDRESS))
    assert line["purpose"] == f'\'{start}HYPERLINK("http://x")'
    cells = cells_of(client.get(ADDRESS, {"format": "xlsx"}))
    purpose = cells[1][HEADER.index("purpose")]
    assert purpose.data_type == "s"
    assert purpose.value.endswith('HYPERLINK("http://x")')


def test_an_xlsx_file_holds_numbers_and_dates(world, api):
    Application.objects.update(
        loan_amount="450000.10", estimated_settlement_date=date(2027, 3, 31), purpose="a\x0bb\ufffe\uffff"
    )
    reply = api(world.ours.broker_user).get(ADDRESS, {"format": "xlsx"})
    assert reply["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert reply["Content-Disposition"].endswith('.xlsx"')
    header, cells = cells_of(reply)
    assert [cell.value for cell in header] == HEADER
    found = dict(zip(HEADER, cells, strict=True))
    assert (found["loan_amount"].value, found["loan_amount"].number_format) == (450000.1, "0.00")
    assert found["estimated_settlement_date"].value.date() == date(2027, 3, 31)
    assert found["estimated_settlement_date"].number_format == "yyyy-mm-dd"
    assert found["purpose"].value == "a\ufffdb\ufffd\ufffd"
    assert found["approved_amount"].value is None


def test_the_format_decides_whatever_is_accepted(world, api):
    client = api(world.ours.broker_user)
    accept = {"Accept": "application/json"}
    assert client.get(ADDRESS, {"format": "csv"}, headers=accept).status_code == 200
    assert_refused(client.get(ADDRESS, headers=accept), 406, "not_acceptable")
    assert_refused(client.get(ADDRESS, {"format": "pdf"}), 400, "invalid", format=["Choose csv or xlsx."])


def test_the_mark_of_utf8_is_there_when_asked_for(world, api):
    client = api(world.ours.broker_user)
    assert b"".join(client.get(ADDRESS, {"bom": "true"})).startswith(b"\xef\xbb\xbfid,")
    assert b"".join(client.get(ADDRESS)).startswith(b"id,")
    assert_refused(client.get(ADDRESS, {"bom": "x"}), 400, "invalid", bom=["Must be a valid boolean."])


def test_more_rows_than_an_export_may_have_are_refused(world, api, settings):
    settings.EXPORT_MAX_ROWS = 1
    reply = api(world.admin).get(ADDRESS)
    body = assert_refused(reply, 400, "too_many_rows")
    assert body["detail"] == "There are more than 1 rows. Narrow the filters."


def test_the_number_of_queries_grows_with_the_chunks_only(world, api, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(bulk, "EXPORT_CHUNK", 5)
    ApplicationFactory.create_batch(8)  # ten in all
    client = api(world.admin)
    with django_assert_num_queries(4):  # the login, the ids, two chunks
        assert len(lines_of(client.get(ADDRESS))) == 10


def test_a_row_that_is_deleted_meanwhile_is_left_out(world, api, monkeypatch):
    monkeypatch.setattr(bulk, "EXPORT_CHUNK", 1)
    ApplicationFactory.create(created_at=timezone.now() - timedelta(days=1))
    reply = api(world.admin).get(ADDRESS, {"ordering": "-created_at"})
    parts = iter(reply)
    next(parts)
    gone = Application.objects.order_by("pk")[0]
    gone.signatures.all().delete()
    gone.borrower_links.all().delete()
    gone.delete()
    assert len(b"".join(parts).splitlines()) == 2


@pytest.mark.django_db(transaction=True)
async def test_the_server_sends_the_first_rows_before_it_reads_the_last(world, api, monkeypatch):
    monkeypatch.setattr(bulk, "EXPORT_CHUNK", 1)
    monkeypatch.setattr(downloads, "CSV_BLOCK", 1)
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)  # none is left in its thread
    client = await in_thread(api, world.admin)
    await in_thread(ApplicationFactory.create_batch, 3)
    scope = {
        "type": "http",
        "method": "GET",
        "path": ADDRESS,
        "query_string": b"ordering=created_at",
        "headers": [
            (b"host", b"localhost"),
            (b"authorization", f"Bearer {client.tokens.access}".encode()),
        ],
    }
    request, sent = asyncio.Queue(), []
    request.put_nowait({"type": "http.request", "body": b""})

    async def send(message):
        sent.append(message)
        if len(sent) == 3:  # the start, the header, one row: only what is read from now on is changed
            await in_thread(lambda: Application.objects.update(purpose="changed meanwhile"))

    await asgi(scope, request.get, send)
    start, header, *rows, rest, end = sent
    assert (rest["body"], end.get("body", b""), end.get("more_body", False)) == (b"", b"", False)
    assert start["status"] == 200
    assert header["body"].startswith(b"id,")
    assert [b"changed meanwhile" in row["body"] for row in rows] == [False, True, True, True, True]
