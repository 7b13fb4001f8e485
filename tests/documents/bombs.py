"""Small files that become large, or long, when they are read."""

import io
import struct
import zipfile
import zlib

from tests.documents import makers

MEGABYTE = 1024 * 1024


def object_stream(megabytes: int) -> bytes:
    """A PDF whose packed objects unpack to so much."""
    packer = zlib.compressobj(9)
    packed = packer.compress(b"5 0 << /A 1 >>")
    packed += b"".join(packer.compress(b" " * MEGABYTE) for _ in range(megabytes)) + packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /X 5 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 10] >>",
        b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream"
        % (len(packed), packed),
    ]
    output, places = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(output))
        output += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(output)
    rows = [(0, 0, 65535), *((1, place, 0) for place in places), (2, 4, 0), (1, start, 0)]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    output += b"6 0 obj\n<< /Type /XRef /Size 7 /W [1 4 2] /Root 1 0 R /Length %d >>\n" % len(table)
    output += b"stream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, start)
    return bytes(output)


def page_of_images(side: int) -> bytes:
    """A PDF that shows one white image of so many pixels a side."""
    packer = zlib.compressobj(9)
    row = b"\xff" * side * 3
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        b"/Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (side, side, len(packed), packed)
    )
    content = b"q 595 0 0 842 0 0 cm /I Do Q"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        image,
        b"<< /XObject << /I 5 0 R >> >>",
    ]
    output, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(output))
        output += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    output += b"trailer << /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(output)


def word(megabytes: int) -> bytes:
    """A Word document of empty elements alone."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f"{makers.XML}<Types/>")
        with archive.open("word/document.xml", "w") as part:
            part.write(b"<a>")
            for _ in range(megabytes):
                part.write(b"<b/>" * (MEGABYTE // 4))
            part.write(b"</a>")
    return output.getvalue()


def pixels(side: int) -> bytes:
    """A PNG that says it has so many pixels a side."""
    png = bytearray(makers.picture("PNG", size=(1, 1)))
    png[16:24] = struct.pack(">II", side, side)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    return bytes(png)
