"""That a PDF does nothing by itself: no script, no program, nothing that plays.

Every object is looked at, also those in object streams and behind a password that opens without being asked
for (ISO 32000-2: 12.6.4 actions, 7.11.4 embedded files, 13 multimedia). qpdf reads as other readers do: names
in any spelling are one name, and a broken table of contents is made anew. What it could not read as it
should is searched for the words themselves.
"""

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import pikepdf

from documents.content import office
from documents.content.errors import UnsafeContent

BLOCK = 256 * 1024
# How deep objects may lie in each other, and PDFs in attachments.
MAX_DEPTH = 100
MAX_NESTED = 2
HEAD = 4096
_SEND_ANOTHER = "Print it to a new PDF, and send that."
_DAMAGED = f"This PDF is damaged, or unpacks to more than is read. {_SEND_ANOTHER}"
_ACTIONS = {
    "/JavaScript": "There is a script in this PDF.",
    "/Launch": "This PDF starts a program.",
    "/ImportData": "This PDF fetches data.",
    "/SubmitForm": "This PDF sends what is written into it elsewhere.",
    "/GoToE": "This PDF opens a file that is hidden in it.",
    "/Rendition": "There is a film or a script in this PDF.",
    "/RichMediaExecute": "There is a film or a script in this PDF.",
}
_KEYS = {
    "/JS": "There is a script in this PDF.",
    "/JavaScript": "There is a script in this PDF.",
    "/XFA": "This PDF is a dynamic form (XFA).",
}
_ANNOTATIONS = {"/RichMedia", "/3D", "/Movie", "/Screen"}
# What an operating system runs when it is opened, by the end of its name or by its first bytes.
_PROGRAMS = re.compile(
    r"\.(exe|dll|scr|com|pif|cpl|msi|msp|bat|cmd|ps1|psm1|vbs|vbe|js|jse|wsf|wsh|hta|jar|lnk|reg|scf|url|"
    r"chm|iso|img|vhdx?|app|command|sh|py|docm|dotm|xlsm|xltm|xlam|pptm|html?|svg|swf)[. ]*$",
    re.IGNORECASE,
)
_PROGRAM_STARTS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"L\x00\x00\x00\x01\x14\x02",
    b"\xd0\xcf\x11\xe0",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
)
# Long enough not to be found in packed data by chance.
_WORDS = (b"/javascript", b"/launch", b"/richmedia", b"/importdata")
_OVERLAP = 64
_HIDING = ("limit exceeded", "error decoding stream data")
_BROKEN = (pikepdf.PdfError, ValueError, TypeError, LookupError, OverflowError, RecursionError, zlib.error)
_ESCAPED = re.compile(rb"#([0-9a-f]{2})")


def refuse_actions(file: BinaryIO, *, nested: int = 0) -> None:
    """Look at every object of a PDF.

    Raises:
        UnsafeContent: it would act, or nobody can look into it without a password.
    """
    file.seek(0)
    try:
        # What is wrong with it is asked for below.
        pdf = pikepdf.open(file, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise UnsafeContent("This PDF is closed with a password. Send one that opens without.") from None
    except _BROKEN:
        _refuse_words(file)
        return
    with pdf:
        try:
            for found in pdf.objects:
                _look_at(found, nested)
        except _BROKEN:
            # What was not looked at for that may be read by others.
            raise UnsafeContent(_DAMAGED) from None
        warnings = [str(one) for one in pdf.get_warnings()]
    # Of packed objects: what lies behind the fault may be read by others.
    if any(fault in warning for warning in warnings for fault in _HIDING):
        raise UnsafeContent(_DAMAGED)
    if warnings:
        _refuse_words(file)


def _look_at(top: Any, nested: int) -> None:
    """One object and all that lies directly in it; what it refers to is an object of its own."""
    todo: list[tuple[Any, int]] = [(top, 0)]
    while todo:
        found, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise UnsafeContent("This PDF is nested deeper than any reader needs.")
        if isinstance(found, pikepdf.Array):
            todo += [(one, depth + 1) for one in _inside(iter(found))]
        elif isinstance(found, (pikepdf.Dictionary, pikepdf.Stream)):
            entries = found.stream_dict if isinstance(found, pikepdf.Stream) else found
            _judge(entries, nested)
            todo += [(one, depth + 1) for one in _inside(value for _, value in entries.items())]


def _inside(values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (pikepdf.Array, pikepdf.Dictionary)) and not value.is_indirect:
            yield value


def _judge(entries: Any, nested: int) -> None:
    keys = set(entries.keys())
    for name in keys & _KEYS.keys():
        # A style may be called like that; what it stands for is a name then.
        if not isinstance(entries[name], pikepdf.Name):
            raise UnsafeContent(f"{_KEYS[name]} {_SEND_ANOTHER}")
    if "/S" in keys and (reason := _ACTIONS.get(_name(entries["/S"]))):
        raise UnsafeContent(f"{reason} {_SEND_ANOTHER}")
    if "/Subtype" in keys and _name(entries["/Subtype"]) in _ANNOTATIONS:
        raise UnsafeContent(f"Something in this PDF plays. {_SEND_ANOTHER}")
    if "/EF" in keys:
        _judge_attachment(entries, nested)


def _judge_attachment(entries: Any, nested: int) -> None:
    """An invoice as XML may be attached, a program may not."""
    names = [str(entries[name]) for name in ("/F", "/UF", "/DOS", "/Unix", "/Mac") if name in entries]
    files = entries["/EF"]
    streams = [one for _, one in files.items()] if isinstance(files, pikepdf.Dictionary) else []
    for stream in streams:
        if not isinstance(stream, pikepdf.Stream):
            continue
        head = _head(stream)
        if head.startswith(_PROGRAM_STARTS):
            raise UnsafeContent(f"There is a program in this PDF. {_SEND_ANOTHER}")
        if b"%PDF-" in head[:1024]:
            if nested >= MAX_NESTED:
                raise UnsafeContent("There is a PDF in a PDF in a PDF here.")
            refuse_actions(BytesIO(stream.read_bytes()), nested=nested + 1)
        if head.startswith(office.ZIP_START):
            packed = BytesIO(stream.read_bytes())
            (office.xlsx if office.is_workbook(packed) else office.docx)(packed)
    if any(_PROGRAMS.search(name) for name in names):
        raise UnsafeContent(f"There is a program in this PDF. {_SEND_ANOTHER}")


def _head(stream: Any) -> bytes:
    """The first bytes of a stream, unpacked no further than that where that can be had."""
    filters = stream.stream_dict.get("/Filter")
    if filters is not None and _name(filters) == "/FlateDecode" and "/DecodeParms" not in stream.stream_dict:
        return zlib.decompressobj().decompress(stream.read_raw_bytes(), HEAD)
    return bytes(stream.read_bytes()[:HEAD])


def _name(value: Any) -> str:
    return str(value) if isinstance(value, pikepdf.Name) else ""


def _refuse_words(file: BinaryIO) -> None:
    """What a reader that is more forgiving than ours could find in a damaged file."""
    file.seek(0)
    before = b""
    while block := file.read(BLOCK):
        plain = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), (before + block).lower()).lower()
        if any(word in plain for word in _WORDS):
            raise UnsafeContent(f"This PDF is damaged, and there may be a script in it. {_SEND_ANOTHER}")
        before = block[-_OVERLAP:]
