"""Tables as files: CSV and XLSX, streamed, in memory that does not grow with the rows.

A view whose action has `renderer_classes=FILE_RENDERERS` and `content_negotiation_class=ByFormat` takes
`?format=`, and replies with `Download`. The rows are made lazily, so an error in them cuts the reply short;
what can be refused must be refused before.

Spreadsheet programs run what looks like a formula. In CSV such text gets an apostrophe in front, which they
take as "this is text" (OWASP, CSV injection); in XLSX it is written as a string, which is never run.
"""

import csv
import io
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import StreamingHttpResponse
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
BOM = b"\xef\xbb\xbf"
BLOCK = 64 * 1024
# Small enough for the first lines to come at once, large enough not to hand them over one by one.
CSV_BLOCK = 16 * 1024
# The first characters by which a spreadsheet program knows a formula, full-width forms too.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
# Characters that have no place in XML 1.0.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Column:
    """A column of a file: its name, and how many decimals its numbers have (None for text)."""

    name: str
    decimals: int | None = None
    is_date: bool = False

    @classmethod
    def of(cls, name: str, field: serializers.Field[Any, Any, Any, Any]) -> "Column":
        """The column that shows a serializer's field as the API does."""
        decimals = field.decimal_places if isinstance(field, serializers.DecimalField) else None
        return cls(name, decimals, isinstance(field, serializers.DateField))


class _FileRenderer(BaseRenderer):
    """A choice for content negotiation; the replies themselves are streamed."""

    charset = None


class CsvRenderer(_FileRenderer):
    """`?format=csv`."""

    media_type = CSV
    format = "csv"


class XlsxRenderer(_FileRenderer):
    """`?format=xlsx`."""

    media_type = XLSX
    format = "xlsx"


class PdfRenderer(_FileRenderer):
    """`?format=pdf`."""

    media_type = PDF
    format = "pdf"


FILE_RENDERERS = [CsvRenderer, XlsxRenderer]


class ByFormat(DefaultContentNegotiation):
    """`?format=` decides, whatever `Accept` says; without it `Accept` does. An unknown format is refused."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer of the format asked for."""
        wanted = request.query_params.get("format")
        if wanted is None:
            return super().select_renderer(request, renderers, format_suffix)
        for renderer in renderers:
            if renderer.format == wanted:
                return renderer, renderer.media_type
        choices = " or ".join(renderer.format for renderer in renderers)
        raise ValidationError({"format": [f"Choose {choices}."]})


def give_back_connection(request: Any) -> None:
    """What is sent from now on needs no database: its client, who may be slow, must not hold a connection.

    Of a thread that serves one request after the other it is kept, with its prepared statements.
    """
    is_kept = isinstance(getattr(request, "_request", request), WSGIRequest)
    if not connection.in_atomic_block and not (is_kept and settings.DATABASES["default"]["CONN_MAX_AGE"]):
        connection.close()


class SyncParts(StreamingHttpResponse):
    """Parts that synchronous code makes while they are sent, under ASGI as well.

    Django would collect a synchronous iterator first; here each part is asked for when the one before it
    has been sent, in the request's own thread, whose database connection it uses.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts: Any = iter(cast(Iterable[bytes], self.streaming_content))
        following = sync_to_async(lambda: next(parts, None))
        while (part := await following()) is not None:
            yield part


class Download(SyncParts):
    """A file that is made while it is sent, named after the day."""

    def __init__(self, parts: Iterable[bytes], *, media_type: str, name: str, extension: str) -> None:
        super().__init__(
            parts, content_type=f"{media_type}; charset=utf-8" if media_type == CSV else media_type
        )
        filename = f"{name}-{timezone.now():%Y-%m-%d}.{extension}"
        self["Content-Disposition"] = f'attachment; filename="{filename}"'


def table_download(
    form: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, name: str, bom: bool = False
) -> Download:
    """A table as a CSV or XLSX file named `<name>-<date>.<extension>`; see `ByFormat` for the form."""
    if form == "xlsx":
        return Download(xlsx_parts(columns, rows), media_type=XLSX, name=name, extension="xlsx")
    parts = csv_parts(columns, rows, bom=bom)
    return Download(parts, media_type=CSV, name=name, extension="csv")


# --- CSV --------------------------------------------------------------------------------------


def csv_parts(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, bom: bool = False
) -> Iterator[bytes]:
    """The file by blocks of lines (RFC 4180, UTF-8); `bom` begins it with the mark that Excel wants."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def taken() -> bytes:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode()

    writer.writerow(column.name for column in columns)
    yield (BOM if bom else b"") + taken()
    for row in rows:
        writer.writerow(
            value if column.decimals is not None else harmless(value)
            for column, value in zip(columns, row, strict=True)
        )
        if buffer.tell() >= CSV_BLOCK:
            yield taken()
    yield taken()


def harmless(value: Any) -> Any:
    """Text that no spreadsheet program takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def printable(value: str) -> str:
    """Text in characters that XML has."""
    return _NO_XML.sub("\ufffd", value)


# --- XLSX -------------------------------------------------------------------------------------


def xlsx_parts(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file by blocks: it is a zip archive, so it is written to the disk first, row by row."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Sheet1")
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, Column(column.name), column.name) for column in columns])
    for row in rows:
        sheet.append([_cell(sheet, column, value) for column, value in zip(columns, row, strict=True)])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def _cell(sheet: Any, column: Column, value: Any) -> Any:
    """A number or a date where the column is one, else text exactly as it is."""
    if value is None:
        return None
    if column.decimals is not None:
        cell: Any = WriteOnlyCell(sheet)
        cell.value = Decimal(value)
        cell.number_format = f"0.{'0' * column.decimals}"
    elif column.is_date:
        cell = WriteOnlyCell(sheet)
        cell.value = date.fromisoformat(value)
        cell.number_format = "yyyy-mm-dd"
    elif isinstance(value, str):
        cell = WriteOnlyCell(sheet, printable(value))
        cell.data_type = "s"
    else:
        return value
    return cell
