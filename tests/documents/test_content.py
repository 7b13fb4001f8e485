"""What files are, by their content; what is refused, and what is read of the rest."""

import io
from typing import Any

import pytest

from documents.content.errors import UnknownFormat, Unreadable, UnsafeContent
from documents.content.formats import FORMATS, format_of
from documents.content.reading import MAX_TEXT, read_content
from documents.names import clean_name
from tests.documents import makers

GOOD = {
    "pdf": makers.pdf(),
    "jpg": makers.picture("JPEG"),
    "png": makers.picture("PNG"),
    "webp": makers.picture("WEBP"),
    "tif": makers.picture("TIFF"),
    "heic": makers.picture("HEIF"),
    "docx": makers.docx(),
    "xlsx": makers.xlsx(),
    "txt": "Grüße, O'Neil < 5".encode(),
}
PROGRAMS = {
    "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
    "exe": b"MZ\x90\x00\x03\x00\x00\x00\x04\x00" + bytes(100),
    "mach-o": b"\xcf\xfa\xed\xfe" + bytes(100),
    "class": b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(60),
    "gif": b"GIF89a" + bytes(50),
    "office 97": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "noise": bytes(range(256)) * 4,
}
PACKED: Any = {"word/embeddings/oleObject1.bin": "\x01Ole10Native".encode("utf-16-le")}
PNG, JPEG = GOOD["png"], GOOD["jpg"]
UNSAFE = {
    "pdf and zip": makers.pdf() + makers.archive(),
    "pdf with a zip before its end": makers.pdf()[:-6] + makers.archive() + b"\n%%EOF\n",
    "pdf with a page in its head": b"%PDF-1.4\n%<html><script>alert(1)</script>\n" + makers.pdf()[9:],
    "pdf that goes on": makers.pdf() + b"MZ and more",
    "pdf cut off": makers.pdf()[:-40],
    "png and zip": PNG + makers.archive(),
    "png that goes on": PNG + b"x",
    "png cut off": PNG[:-20],
    "jpeg and zip": JPEG + makers.archive(),
    "jpeg with a script": makers.picture("JPEG", comment=b"<?php system($_GET['c']); ?>"),
    "jpeg with a page": makers.picture("JPEG", comment=b"<SCRIPT>alert(1)</SCRIPT>"),
    "jpeg that is none": b"\xff\xd8\xff\xe0 no image at all",
    "webp that goes on": GOOD["webp"] + b"more",
    "heic and zip": makers.picture("HEIF") + makers.archive(),
    "heic that goes on": makers.picture("HEIF") + b"more",
    "heic cut off": makers.picture("HEIF")[:-20],
    "svg that acts without a script": b'<svg onload="alert(1)"/>',
    "page after a remark": b"<!-- hello --> <img src=x onerror=alert(1)>",
    "xml": b'\xef\xbb\xbf<?xml version="1.0"?><a/>',
    "html": b"<!DOCTYPE html><html><body>Hi</body></html>",
    "svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path/></svg>',
    "shell script": b"#!/bin/sh\nrm -rf /\n",
    "php": b"Hello <?php phpinfo(); ?>",
    "text with controls": b"a\x01b",
    "zip": makers.archive(),
    "docx with macros": makers.docx(**{"word/vbaProject.bin": "x"}),
    "docx with a program": makers.docx(**{"word/embeddings/run.exe": "x"}),
    "docx with a packed file": makers.docx("", **PACKED),
    "docx with a template of elsewhere": makers.docx(
        **{
            "word/_rels/settings.xml.rels": '<Relationships><Relationship Id="r1" TargetMode="External" Type='
            '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" '
            'Target="https://example.org/a.dotm"/></Relationships>'
        }
    ),
    "xlsx with old macros": makers.docx(
        **{"xl/workbook.xml": "<workbook/>", "xl/macrosheets/sheet1.xml": "<a/>"}
    ),
    "docx with a part outside": makers.docx(**{"../../etc/passwd": "x"}),
    "docx that goes on": makers.docx() + b"x",
    "docx after something": b"PK\x03\x04" + makers.docx(),
}


LINKED = makers.docx(
    **{
        "word/_rels/document.xml.rels": '<Relationships><Relationship Id="r1" TargetMode="External" Type='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" '
        'Target="https://example.org/frame"/></Relationships>'
    }
)


def found(content, name="file", allowed=tuple(FORMATS)):
    return format_of(io.BytesIO(content), name=name, allowed=allowed).extension


@pytest.mark.parametrize("extension", GOOD)
def test_the_content_says_which_format_it_is(extension):
    assert found(GOOD[extension], name="whatever.exe") == extension


def test_text_that_is_called_a_table_is_one():
    assert found(b"a,b\n1,2\n", name="Rates.CSV") == "csv"
    assert found("a,b\n1,Zoë\n".encode("cp1252"), name="rates.csv") == "csv"
    assert found("a,b\n1,Zoë\n".encode("utf-16"), name="rates.txt") == "txt"


@pytest.mark.parametrize("content", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_and_unknown_formats_are_refused(content):
    with pytest.raises((UnknownFormat, UnsafeContent)):
        found(content, name="holiday.pdf")


@pytest.mark.parametrize("content", UNSAFE.values(), ids=UNSAFE)
def test_files_that_are_two_things_at_once_are_refused(content):
    with pytest.raises((UnsafeContent, UnknownFormat)):
        found(content)


def test_a_document_with_links_is_taken():
    assert found(LINKED) == "docx"


def test_a_marker_between_two_blocks_is_found():
    from documents.content.checks import BLOCK, no_markers

    for shift in (1, 4, 6):
        content = b"\xff" * (BLOCK - shift) + b"<script>" + b"\xff" * 10
        with pytest.raises(UnsafeContent):
            no_markers(io.BytesIO(content))


def test_formats_that_are_not_allowed_are_refused():
    with pytest.raises(UnknownFormat, match="pdf"):
        found(PNG, allowed=("pdf",))


def read(content, extension):
    return read_content(io.BytesIO(content), FORMATS[extension].content_type)


def test_pages_text_and_thumbnail_of_a_pdf_are_read():
    content = read(makers.pdf("Kalgoorlie valuation", "Second page"), "pdf")
    assert content.pages == 2
    assert "Kalgoorlie valuation" in content.text
    assert "Second page" in content.text
    assert found(content.thumbnail) == "webp"


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "heic"])
def test_a_picture_has_a_thumbnail_within_bounds(extension):
    from PIL import Image

    content = read(GOOD[extension], extension)
    assert content.pages == 1
    assert Image.open(io.BytesIO(content.thumbnail)).size == (320, 200)


def test_a_photograph_is_turned_as_it_was_taken():
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # held on its side
    thumbnail = read(makers.picture("JPEG", exif=exif), "jpg").thumbnail
    assert Image.open(io.BytesIO(thumbnail)).size == (200, 320)
    assert not Image.open(io.BytesIO(thumbnail)).getexif()


def test_office_and_plain_texts_are_read():
    assert read(makers.docx("Dear Bea"), "docx").text.strip() == "Dear Bea"
    assert "Rent" in read(makers.xlsx("Rent"), "xlsx").text
    assert read("Zoë".encode("cp1252"), "txt").text == "Zoë"
    assert read("Zoë".encode("utf-16"), "txt").text == "Zoë"
    assert len(read(b"word " * MAX_TEXT, "txt").text) == MAX_TEXT
    assert read(b"a\x00b", "txt").text == "ab"


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (b"%PDF-1.4 nothing\n%%EOF\n", "pdf"),
        (PNG[:60] + PNG[-12:], "png"),
        (b"PK\x03\x04", "docx"),
        (makers.docx("&boom;"), "docx"),
    ],
    ids=["pdf", "png", "docx", "entity"],
)
def test_damaged_files_say_so(content, extension):
    with pytest.raises(Unreadable, match="damaged"):
        read(content, extension)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Offer.pdf", "Offer.pdf"),
        ("  ..offer. ", "offer"),
        ("a\x00b\nc.pdf", "abc.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("", "document"),
        ("///", "document"),
        ("Gru\u0308ße 合同.pdf", "Grüße 合同.pdf"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("evil\u061cfdp\U000e0041.exe", "evilfdp.exe"),
        ("a\ud800b.pdf", "ab.pdf"),
        ("COM¹.txt", "_COM¹.txt"),
        ("conout$", "_conout$"),
        ("nul .pdf", "_nul.pdf"),
        ("合" * 150 + ".pdf", "合" * 78 + ".pdf"),
        ("😀" * 150 + ".pdf", "😀" * 59 + ".pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_names_are_made_harmless(name, clean):
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("name", "extension", "clean"),
    [
        ("photo.pdf", "jpg", "photo.pdf.jpg"),
        ("photo.JPEG", "jpg", "photo.JPEG"),
        ("run.exe", "pdf", "run.exe.pdf"),
        ("statement", "pdf", "statement.pdf"),
    ],
)
def test_a_name_ends_as_the_content_says(name, extension, clean):
    assert clean_name(name, extension=extension) == clean
