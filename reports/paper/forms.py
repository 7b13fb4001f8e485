"""A report on paper as the bytes of a file of some form."""

from collections.abc import Iterable

from crm_backend.common.downloads import CSV, PDF, XLSX
from reports.choices import FileFormat
from reports.paper import Paper
from reports.paper.pdf import pdf_of
from reports.paper.tables import csv_of, xlsx_of
from reports.shapes import Sheet

MEDIA_TYPES = {FileFormat.CSV: CSV, FileFormat.XLSX: XLSX, FileFormat.PDF: PDF}


def parts_of(form: FileFormat, paper: Paper, sheet: Sheet | None = None) -> Iterable[bytes]:
    """The file in parts; CSV has one of the sheets, the first where none is named.

    A PDF is made before this returns, so that what goes wrong is an error and not half a file.
    """
    if form is FileFormat.CSV:
        return csv_of(sheet or paper.sheets[0])
    if form is FileFormat.XLSX:
        return xlsx_of(paper)
    return [pdf_of(paper)]


def content_of(form: FileFormat, paper: Paper, sheet: Sheet | None = None) -> bytes:
    """The whole file."""
    return b"".join(parts_of(form, paper, sheet))
