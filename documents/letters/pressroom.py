"""The child process that prints. Run by `press`; knows of nothing but templates and facts.

Once its fonts and libraries are loaded it gives up the right to open anything: with no file descriptor to be
had there is no file, no package and no connection, whatever a template asks for. Its memory is limited, and
its time by `press`. It reads one request after the other from its standard input, each a length of four
bytes and JSON, and writes replies of the same form.
"""

import base64
import json
import re
import resource
import select
import struct
import sys
import warnings
import zipfile
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import docx
import docxtpl
import jinja2
import jinja2.debug  # loaded late otherwise, when nothing can be opened
import typst
from docx.opc.constants import RELATIONSHIP_TYPE
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEGABYTE = 1024 * 1024
MEMORY = 768 * MEGABYTE  # beyond what the libraries took
OUTPUT = 32 * MEGABYTE
UNPACKED = 32 * MEGABYTE
IDLE_SECONDS = 300
COMPILED = 200  # templates that are remembered
# All that there is to read, if anything could be opened.
SHEETS = Path(__file__).parent / "sheets"
PRELUDE = (SHEETS / "letter.typ").read_bytes()
IMPORT = b'#import "letter.typ": *\n'
FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")
# One letter of each script that the fonts have, so that all of them are in memory before the doors close.
SCRIPTS = "Aא ا Ա অ अ አ ა અ ਅ ಅ ក ກ അ က ଅ අ ☀ அ అ ก 王 あ 김 😀"
WARM_UP = f'#letter(subject: "{SCRIPTS}")[{SCRIPTS} *{SCRIPTS}* _{SCRIPTS}_ #facts(("a", "b"))]'.encode()
WARM_UP_DATA = {
    "lender": {
        "name": "A",
        "address": ["B"],
        "phone": "",
        "email": "",
        "website": "",
        "abn": "",
        "licence": "",
    },
    "application": {"reference": "R"},
    "letter": {"date": "D"},
    "addressee": {"names": ["A"], "lines": ["B"], "greeting": "C"},
    "contact": {"name": "", "phone": "", "email": ""},
}
# Characters that have no place in XML 1.0.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PLACE = re.compile(r"┌─ \S*?(main|letter)\.typ:(\d+):(\d+)")
# Where a file was looked for is nobody's business.
_SEARCHED = re.compile(r" \(searched (?:at|for) [^)]*\)")
# Lone halves of surrogate pairs, which no encoding has; NUL, which no font has.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


class Fault(Exception):
    """A template that cannot be printed: why, and in which of its lines, if that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(message)


class PdfPrinter:
    """Typst with fonts of its own."""

    def __init__(self) -> None:
        paths = [path for name in FONTS for path in _folders_of(name)]
        self.fonts = typst.Fonts(include_system_fonts=False, font_paths=paths)

    def print(self, source: bytes, data: Any, moment: int = 0) -> tuple[bytes, list[Any]]:
        """The PDF, made at a moment (seconds since 1970), and where its lines to sign on are."""
        # A dictionary of files is not in the library's annotations.
        files: Any = {"main.typ": IMPORT + source, "letter.typ": PRELUDE}
        given: Any = {
            "root": str(SHEETS),
            "font_paths": self.fonts,
            "sys_inputs": {"data": _NO_TEXT.sub("\ufffd", json.dumps(data, ensure_ascii=False))},
        }
        try:
            pdf: bytes = typst.compile(files, timestamp=moment, **given)
            found = typst.query(files, "<sign-here>", field="value", **given)
        except typst.TypstError as error:
            raise self._fault(error) from None
        except RuntimeError as error:
            raise Fault(str(error)) from None
        return pdf, json.loads(found)

    @staticmethod
    def _fault(error: typst.TypstError) -> Fault:
        """Name the line of the template, also where the fault shows in what the template calls."""
        message = _SEARCHED.sub("", error.message)
        for name, line, _ in _PLACE.findall(error.diagnostic):
            if name == "main":
                return Fault(message, int(line) - 1)
        return Fault(message)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which does not compile the same text twice: that takes a third of the time."""

    def __init__(self) -> None:
        super().__init__(autoescape=True, undefined=jinja2.StrictUndefined)
        self._compiled: dict[str, jinja2.Template] = {}

    def from_string(self, source: Any, *args: Any, **kwargs: Any) -> jinja2.Template:
        """The template of a text."""
        found = self._compiled.get(source)
        if found is None:
            if len(self._compiled) >= COMPILED:
                self._compiled.clear()
            found = self._compiled[source] = super().from_string(source, *args, **kwargs)
        return found


class WordPrinter:
    """Word templates, filled in by Jinja in its sandbox."""

    def __init__(self) -> None:
        self.jinja = Sandbox()

    def print(self, source: bytes, data: Any) -> bytes:
        """The Word file, read once more to see that it is one."""
        self._inspect(source)
        try:
            template = docxtpl.DocxTemplate(BytesIO(source))
            self._refuse_outside(template.get_docx())
            template.render(_without_controls(data), self.jinja, autoescape=True)
            written = BytesIO()
            template.save(written)
            docx.Document(BytesIO(written.getvalue()))
        except Fault:
            raise
        except jinja2.TemplateError as error:
            # Lines are those of the XML inside, which nobody sees: show what stands there instead.
            near = "".join(islice(getattr(error, "docx_context", ()), 3))
            text = re.sub(r"<[^>]*>?", " ", near)
            where = f" Near: {' '.join(text.split())[:120]}" if text.strip() else ""
            raise Fault(f"{error.message or type(error).__name__}.{where}") from None
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a file that is no Word file does to three libraries
            raise Fault(f"This is not a Word template that can be filled in: {error}") from None
        return written.getvalue()

    @staticmethod
    def _inspect(source: bytes) -> None:
        try:
            with zipfile.ZipFile(BytesIO(source)) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise Fault("This is not a Word file (.docx).") from None
        if sum(entry.file_size for entry in entries) > UNPACKED:
            raise Fault("This file is too large when it is unpacked.")
        if any("vbaProject" in entry.filename or "activeX" in entry.filename for entry in entries):
            raise Fault("Macros are not allowed.")

    @staticmethod
    def _refuse_outside(document: Any) -> None:
        """Nothing may be fetched when the letter is opened: links may lead out, parts may not."""
        for part in document.part.package.iter_parts():
            for relation in part.rels.values():
                if relation.is_external and relation.reltype != RELATIONSHIP_TYPE.HYPERLINK:
                    raise Fault("The file refers to something outside of it, which is not allowed.")


def _without_controls(value: Any) -> Any:
    """The same, in characters that XML has."""
    if isinstance(value, str):
        return _NO_XML.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _without_controls(one) for key, one in value.items()}
    return [_without_controls(one) for one in value] if isinstance(value, list) else value


def _folders_of(package: str) -> list[str]:
    found = find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return list(found.submodule_search_locations)


def _shut_the_doors() -> None:
    """Limit memory, and let nothing be opened any more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _is_linux() else 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _is_linux() -> bool:
    return sys.platform.startswith("linux")


def _read(stream: BinaryIO, size: int) -> bytes:
    """Exactly so many bytes; fewer at the end of the stream."""
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _answer(request: Any, pdf: PdfPrinter, word: WordPrinter) -> dict[str, Any]:
    source = base64.b64decode(request["source"])
    try:
        if request["form"] == "pdf":
            output, places = pdf.print(source, request["data"], request["moment"])
        else:
            output, places = word.print(source, request["data"]), []
    except Fault as fault:
        return {"fault": fault.message, "line": fault.line}
    except MemoryError:
        return {"fault": "This takes too much memory.", "line": None}
    if len(output) > OUTPUT:
        return {"fault": "This becomes too large a file.", "line": None}
    return {"output": base64.b64encode(output).decode(), "places": places}


def main() -> None:
    """Load, close the doors, and print until nobody asks any more."""
    warnings.simplefilter("ignore")
    pdf, word = PdfPrinter(), WordPrinter()
    pdf.print(WARM_UP, WARM_UP_DATA)
    # What works and what fails: both load parts of the libraries only when they come to it.
    for text in (
        "{% for one in ones %}{{ ['\u00e9', one] | join(', ') }}{% endfor %}",
        "{{ none.such }}",
        "{% end %}",
    ):
        sheet, written = docx.Document(), BytesIO()
        sheet.add_paragraph(text)
        sheet.save(written)
        with suppress(Fault):
            word.print(written.getvalue(), {"ones": ["a"]})
    _shut_the_doors()
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    replies.write(b"ready")
    replies.flush()
    while select.select([requests], [], [], IDLE_SECONDS)[0]:
        head = _read(requests, 4)
        if len(head) < 4:
            return
        request = json.loads(_read(requests, *struct.unpack("!I", head)))
        reply = json.dumps(_answer(request, pdf, word)).encode()
        replies.write(struct.pack("!I", len(reply)) + reply)
        replies.flush()


if __name__ == "__main__":
    main()
