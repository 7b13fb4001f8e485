"""Papers of the demo client: small real files, put in by the same services as anybody's.

They come after the book, which is one transaction: files cannot be undone with it.
"""

import ctypes
import io
from collections.abc import Sequence
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw
from pypdfium2 import raw

from applications.models import Application
from demo.people import DEMO_EMAILS
from documents.choices import DocumentKind
from documents.models import Document
from documents.services.documents import document_create, version_add
from documents.services.files import file_keep
from documents.services.reading import version_read
from users.choices import Role
from users.models import User

PDF, JPEG, CSV = "application/pdf", "image/jpeg", "text/csv"
A4 = (595, 842)  # points
LINE, MARGIN, SIZE = 18, 56, 11


def write_papers() -> int:
    """Add papers to the demo client's applications; return how many documents."""
    people = {role: User.objects.get(email=email) for role, email in DEMO_EMAILS.items()}
    client, broker, bdm = people[Role.CLIENT], people[Role.BROKER], people[Role.BD]
    own = Application.objects.visible_to(client).order_by("-pk")
    before = Document.objects.count()
    for application in own[:2]:
        name, reference = client.full_name, application.reference_number
        payslip = _lines("Payslip", name, ["Period: March", f"For: {reference}", "Gross pay 6,250.00 AUD"])
        _add(application, client, DocumentKind.INCOME, "Payslip March.pdf", PDF, pdf([payslip]))
        pages = [
            _lines("Bank statement", name, [f"Page {number} of 3", "Salary 4,812.40", "Rent -2,150.00"])
            for number in (1, 2, 3)
        ]
        _add(application, client, DocumentKind.BANK_STATEMENT, "Bank statement Q1.pdf", PDF, pdf(pages))
        licence = picture(["SPECIMEN", "Driver licence", name])
        _add(application, client, DocumentKind.IDENTIFICATION, "Licence.jpg", JPEG, licence)
        figure = f"{application.loan_amount * 2:,.2f} AUD"
        valuation = _lines("Valuation", name, [f"Security of {reference}", f"Market value {figure}"])
        _add(application, bdm, DocumentKind.VALUATION, "Valuation.pdf", PDF, pdf([valuation]))
        draft = _lines("Contract of sale", name, [f"For {reference}", "Draft, not signed"])
        contract = _add(application, broker, DocumentKind.CONTRACT, "Contract.pdf", PDF, pdf([draft]), True)
        final = _lines("Contract of sale", name, [f"For {reference}", "As exchanged"])
        file = file_keep(content=pdf([final]), content_type=PDF)
        version = version_add(document=contract, actor=broker, file=file, note="As exchanged")
        version_read(version.pk)
        budget = f"what,monthly\nIncome,4812.40\nRent,-2150.00\nLiving,-1200.00\n{reference},0\n"
        _add(application, broker, DocumentKind.OTHER, "Household budget.csv", CSV, budget.encode())
    return Document.objects.count() - before


def _add(
    application: Application,
    actor: Any,
    kind: DocumentKind,
    name: str,
    content_type: str,
    content: bytes,
    is_shown: bool = False,
) -> Document:
    document = document_create(
        application=application,
        actor=actor,
        file=file_keep(content=content, content_type=content_type),
        name=name,
        kind=kind,
        visible_to_client=is_shown,
    )
    assert document.current is not None
    version_read(document.current.pk)
    return document


def _lines(title: str, name: str, lines: Sequence[str]) -> list[str]:
    return [title, "", name, *lines, "", "Made up for the demo book."]


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF of lines of text, which can be read and searched."""
    document: Any = pypdfium2.PdfDocument.new()
    font = raw.FPDFText_LoadStandardFont(document.raw, b"Helvetica")
    for lines in pages:
        page = document.new_page(*A4)
        for place, line in enumerate(lines):
            text = raw.FPDFPageObj_CreateTextObj(document.raw, font, float(SIZE if place else 2 * SIZE))
            buffer = ctypes.create_string_buffer(line.encode("utf-16-le") + b"\0\0")
            raw.FPDFText_SetText(text, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)))
            raw.FPDFPageObj_Transform(text, 1, 0, 0, 1, MARGIN, A4[1] - MARGIN - LINE * (place + 1))
            raw.FPDFPage_InsertObject(page.raw, text)
        raw.FPDFPage_GenerateContent(page.raw)
        page.close()
    output = io.BytesIO()
    document.save(output)
    document.close()
    return output.getvalue()


def picture(lines: Sequence[str]) -> bytes:
    """A card with lines of text, as a JPEG image."""
    image = Image.new("RGB", (860, 540), (222, 232, 240))
    draw = ImageDraw.Draw(image)
    for place, line in enumerate(lines):
        draw.text((60, 70 + 110 * place), line, fill=(30, 40, 60), font_size=56)
    output = io.BytesIO()
    image.save(output, "JPEG", quality=80)
    return output.getvalue()
