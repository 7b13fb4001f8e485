"""PDFs that would act by themselves are refused, however the script is hidden; the others are taken."""

import io

import pikepdf
import pytest
from pikepdf import Array, AttachedFileSpec, Dictionary, Name

from documents.content.errors import UnsafeContent
from documents.content.formats import FORMATS, format_of
from tests.documents import makers


def written(change, **options):
    """A PDF of one page after a change, its objects packed into streams unless that is said otherwise."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    change(pdf)
    output = io.BytesIO()
    pdf.save(output, **{"object_stream_mode": pikepdf.ObjectStreamMode.generate, **options})
    return output.getvalue()


def script(pdf):
    return pdf.make_indirect(Dictionary(S=Name.JavaScript, JS="app.alert(1)"))


def at_opening(pdf):
    pdf.Root.OpenAction = script(pdf)


def by_name(pdf):
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array(["a", script(pdf)])))


def upon_a_page(pdf):
    pdf.pages[0].AA = Dictionary(O=script(pdf))


def in_a_field(pdf):
    field = Dictionary(FT=Name.Tx, T="a", AA=Dictionary(F=Dictionary(S=Name.JavaScript, JS="1")))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


def after_another(pdf):
    following = Dictionary(S=Name.JavaScript, JS=pdf.make_stream(b"app.alert(1)"))
    pdf.Root.OpenAction = Dictionary(S=Name.URI, URI="https://example.org", Next=Array([following]))


def launching(pdf):
    pdf.Root.OpenAction = Dictionary(S=Name.Launch, F="cmd.exe")


def dynamic(pdf):
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<script/>"))


def playing(pdf):
    pdf.pages[0].Annots = Array(
        [Dictionary(Type=Name.Annot, Subtype=Name.RichMedia, Rect=Array([0, 0, 1, 1]))]
    )


def attached(name, content):
    def change(pdf):
        pdf.attachments[name] = AttachedFileSpec(pdf, content, filename=name)

    return change


def unreadable_first(pdf):
    broken = pdf.make_stream(b"%PDF-1.4 broken")
    broken.Filter = Array([Name.ASCIIHexDecode, Name.Unknown])
    pdf.Root.A = pdf.make_indirect(Dictionary(Type=Name.Filespec, F="a", EF=Dictionary(F=broken)))
    pdf.Root.Z = script(pdf)


def styled(pdf):
    pdf.Root.StructTreeRoot = Dictionary(RoleMap=Dictionary(JavaScript=Name.Code, JS=Name.Code))


def linked(pdf):
    action = Dictionary(S=Name.URI, URI="https://example.org/javascript")
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=action)
    pdf.pages[0].Annots = Array([pdf.make_indirect(link)])


ACTIVE = {
    "opening": written(at_opening),
    "names": written(by_name),
    "page": written(upon_a_page),
    "field": written(in_a_field),
    "next action": written(after_another),
    "plain": written(at_opening, object_stream_mode=pikepdf.ObjectStreamMode.disable),
    "other spelling": written(at_opening, object_stream_mode=pikepdf.ObjectStreamMode.disable).replace(
        b"/JavaScript", b"/J#61vaScript"
    ),
    "opened without its password": written(
        at_opening, encryption=pikepdf.Encryption(owner="o", user="", R=6)
    ),
    "launch": written(launching),
    "dynamic form": written(dynamic),
    "film": written(playing),
    "program by its name": written(attached("offer.exe", b"anything")),
    "program by its bytes": written(attached("offer.txt", b"MZ\x90\x00" + bytes(200))),
    "macros": written(attached("rates.xlsm", b"PK")),
    "archive": written(attached("a.zip", makers.archive())),
    "archive of another kind": written(attached("a.dat", b"Rar!\x1a\x07\x01\x00" + bytes(50))),
    "macros without a name": written(attached("a", makers.docx(**{"word/vbaProject.bin": "x"}))),
    "script behind an attachment that nobody can read": written(unreadable_first),
    "script in an attached pdf": written(attached("inner.pdf", written(at_opening))),
    "broken table": makers.pdf()[:-100] + b"\n9 0 obj <</S/#4aavaScript/JS(1)>> endobj\nxref broken\n%%EOF\n",
    "password": written(lambda pdf: None, encryption=pikepdf.Encryption(owner="o", user="u", R=6)),
}
PASSIVE = {
    "a link": written(linked),
    "an invoice as data": written(attached("factur-x.xml", b"<Invoice/>")),
    "an attached pdf": written(attached("inner.pdf", makers.pdf())),
    "an attached document": written(attached("rates.xlsx", makers.xlsx())),
    "styles that are called like scripts": written(styled),
    "owner's password": written(lambda pdf: None, encryption=pikepdf.Encryption(owner="o", user="", R=6)),
    "text that speaks of scripts": makers.pdf("/JavaScript and /Launch"),
    "our own": makers.pdf(),
}


def looked_at(content):
    return format_of(io.BytesIO(content), name="a.pdf", allowed=tuple(FORMATS)).extension


@pytest.mark.parametrize("content", ACTIVE.values(), ids=ACTIVE)
def test_what_acts_by_itself_is_refused(content):
    with pytest.raises(UnsafeContent):
        looked_at(content)


@pytest.mark.parametrize("content", PASSIVE.values(), ids=PASSIVE)
def test_what_only_shows_is_taken(content):
    assert looked_at(content) == "pdf"
