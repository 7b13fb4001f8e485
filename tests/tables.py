"""Import files, and what comes of sending them."""

import csv
import io
from typing import Any

import orjson
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from jobs.services.running import job_run

ADDRESS = "/api/applications/bulk-import/"
TERMS = {"loan_amount": "450000.00", "loan_term": "360", "interest_rate": "6.25"}


def row(reference: str, **cells: Any) -> dict[str, Any]:
    """A row with what every row needs."""
    return {"client_reference": reference, **TERMS, **cells}


def csv_file(*rows: dict[str, Any]) -> bytes:
    """Rows as CSV; the header has every column that one of them has."""
    names = list(dict.fromkeys(name for cells in rows for name in cells))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def xlsx_file(*rows: dict[str, Any]) -> bytes:
    """Rows as XLSX, each value as its own kind of cell."""
    names = list(dict.fromkeys(name for cells in rows for name in cells))
    book = Workbook()
    book.active.append(names)
    for cells in rows:
        book.active.append([cells.get(name) for name in names])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def send(client: Any, content: bytes, *, address: str = ADDRESS, **form: Any) -> Any:
    """Upload a file; the reply."""
    file = SimpleUploadedFile("loans.csv", content)
    return client.post(address, {"file": file, **form}, format="multipart")


def imported(client: Any, content: bytes, **form: Any) -> dict[str, Any]:
    """Upload a file, do what the worker would; the finished job."""
    reply = send(client, content, **form)
    assert reply.status_code == 202, reply.content
    job_run(reply.json()["id"])
    found: dict[str, Any] = client.get(reply["Location"]).json()
    return found


def report(client: Any, job: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a job's report."""
    reply = client.get(f"/api/jobs/{job['id']}/result/", {"format": "json"})
    assert reply.status_code == 200
    found: list[dict[str, Any]] = orjson.loads(b"".join(reply))
    return found
