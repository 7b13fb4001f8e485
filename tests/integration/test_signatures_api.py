"""Signatures over HTTP: what counts as one, who gives it, and what is kept of it."""

import base64
import hashlib
import struct
import zlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image

from applications.models import Application, Signature
from applications.png import MAX_BYTES
from events.models import Event
from tests.checks import assert_refused
from tests.drawings import DRAWN, base64_of, drawing, encoded
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(world):
    world.ours.signature.delete()
    return f"/api/applications/{world.ours.application.pk}/signature/"


@pytest.fixture
def signer(world, api):
    return api(world.ours.client_user)


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_a_borrower_signs_and_everything_about_it_is_kept(world, signer, address, head, dispatch):
    image = drawing()
    body = {
        "signature": head + base64_of(image),
        "name": "Bea Borrower",
        "signature_date": f"{timezone.localdate()}",
    }
    made = signer.post(address, body, REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Firefox")
    assert made.status_code == 201
    shown = signer.get(made["Location"]).json()
    assert shown == made.json()
    assert (shown["width"], shown["height"]) == DRAWN
    assert shown["sha256"] == hashlib.sha256(image).hexdigest()
    assert shown["signed_by"] == {"id": world.ours.client_user.pk, "name": world.ours.client_user.full_name}
    assert (shown["name"], shown["signature_date"]) == ("Bea Borrower", f"{timezone.localdate()}")
    assert (shown["ip_address"], shown["user_agent"]) == ("203.0.113.9", "Firefox")
    assert shown["terms"] == {
        "reference_number": world.ours.application.reference_number,
        "application_type": "residential",
        "product": None,
        "loan_amount": "450000.00",
        "loan_term": 360,
        "interest_rate": "6.2500",
        "repayment_frequency": "monthly",
        "borrowers": [world.ours.borrower.display_name],
    }
    picture = signer.get(f"{made['Location']}image/", HTTP_ACCEPT="image/png")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    assert picture.content == image
    event = Event.objects.filter(type="application.signed").get()
    assert event.recipients == sorted([world.admin.pk, world.ours.bd_user.pk, world.ours.broker_user.pk])
    assert "203.0.113.9" not in str(event.data)


def test_a_signature_keeps_the_terms_that_were_signed(world, api, signer, address):
    made = signer.post(address, {"signature": base64_of(drawing()), "name": "Bea"})
    assert made.status_code == 201
    api(world.admin).patch(f"/api/applications/{world.ours.application.pk}/", {"loan_amount": "1000.00"})
    assert signer.get(made["Location"]).json()["terms"]["loan_amount"] == "450000.00"


def test_every_signature_stays(signer, address):
    for name in ("Bea", "Bea again"):
        assert signer.post(address, {"signature": base64_of(drawing()), "name": name}).status_code == 201
    assert [row["name"] for row in signer.get(address).json()["results"]] == ["Bea again", "Bea"]


def unseen():
    """An image whose pixels differ, and are all transparent."""
    picture = Image.new("RGBA", DRAWN)
    picture.putpixel((3, 3), (255, 0, 0, 0))
    return picture


def with_chunk(kind: bytes) -> bytes:
    """An image with an empty chunk before its end."""
    image = drawing()
    chunk = struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind))
    return image[:-12] + chunk + image[-12:]


NOT_ONE = {
    "not base64": ("§§§", "This is not base64."),
    "base64 with a gap": (base64_of(drawing())[:-3], "This is not base64."),
    "nothing in it": ("data:image/png;base64,", "This is not a PNG image."),
    "another type": (
        "data:image/jpeg;base64,AAAA",
        "A data URL of a signature starts with data:image/png;base64,",
    ),
    "a JPEG": (base64_of(encoded(Image.new("RGB", DRAWN), format="JPEG")), "This is not a PNG image."),
    "text": (base64_of(b"<script>alert(1)</script>"), "This is not a PNG image."),
    "blank": (base64_of(drawing(stroke=False)), "Nothing is drawn on this image."),
    "one colour": (
        base64_of(encoded(Image.new("1", DRAWN), format="PNG")),
        "Nothing is drawn on this image.",
    ),
    "too wide": (base64_of(drawing((2001, 2))), "A signature has at most 2000 × 2000 pixels."),
    "cut off": (base64_of(drawing()[:-40]), "This PNG image is damaged."),
    "with a tail": (base64_of(drawing() + b"<script>"), "Something follows the PNG image."),
    "two images": (base64_of(drawing() + drawing()), "Something follows the PNG image."),
    "too large": (base64_of(b"\x89PNG" + bytes(MAX_BYTES)), "A signature has at most 256 KiB."),
    "transparent": (base64_of(encoded(unseen(), format="PNG")), "Nothing is drawn on this image."),
    "a strange chunk": (base64_of(with_chunk(b"iCCP")), "This PNG image is damaged."),
    "moving": (
        base64_of(
            encoded(
                Image.new("L", DRAWN),
                format="PNG",
                save_all=True,
                append_images=[Image.new("L", DRAWN, 200)],
            )
        ),
        "A signature does not move.",
    ),
}


@pytest.mark.parametrize(("text", "message"), NOT_ONE.values(), ids=list(NOT_ONE))
def test_what_is_no_signature_is_refused(signer, address, text, message):
    with nothing_written():
        reply = signer.post(address, {"signature": text, "name": "Bea"})
    assert_refused(reply, 400, "invalid", signature=[message])


def test_a_broken_chunk_is_refused(signer, address):
    image = bytearray(drawing())
    image[60] ^= 0xFF
    with nothing_written():
        reply = signer.post(address, {"signature": base64_of(bytes(image)), "name": "Bea"})
    assert list(reply.json()["errors"]) == ["signature"]
    assert reply.status_code == 400


def test_the_name_and_a_date_that_has_begun_are_needed(signer, address):
    with nothing_written():
        reply = signer.post(
            address, {"signature": base64_of(drawing()), "name": "  ", "signature_date": "2999-01-01"}
        )
    assert_refused(
        reply,
        400,
        "invalid",
        name=["This field may not be blank."],
        signature_date=["This date lies in the future."],
    )


def test_a_signature_larger_than_a_request_may_be_is_413(signer, address):
    with nothing_written():
        reply = signer.post(
            address, {"signature": "A" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), "name": "Bea"}
        )
    assert_refused(reply, 413, "too_large")


@pytest.mark.parametrize("stage", ["settled", "closed", "declined", "withdrawn"])
def test_only_an_application_on_its_way_is_signed(world, signer, address, stage):
    came_from = "inquiry" if stage in {"declined", "withdrawn"} else ""
    Application.objects.filter(pk=world.ours.application.pk).update(stage=stage, came_from=came_from)
    with nothing_written():
        reply = signer.post(address, {"signature": base64_of(drawing()), "name": "Bea"})
    body = assert_refused(reply, 409, "conflict")
    assert body["detail"] == f"An application that is {stage} is not signed."


def test_an_application_that_waits_for_information_is_signed(world, signer, address):
    Application.objects.filter(pk=world.ours.application.pk).update(
        stage="more_info_required", came_from="inquiry"
    )
    assert signer.post(address, {"signature": base64_of(drawing()), "name": "Bea"}).status_code == 201


def test_a_signed_application_is_not_deleted(world, api):
    admin = api(world.admin)
    with nothing_written():
        reply = admin.delete(f"/api/applications/{world.ours.application.pk}/")
    body = assert_refused(reply, 409, "conflict")
    assert body["detail"] == "A signed application is withdrawn, not deleted."
    assert Signature.objects.filter(application=world.ours.application).count() == 1


def test_the_image_does_not_come_with_the_list(signer, world):
    reply = signer.get(f"/api/applications/{world.ours.application.pk}/signature/")
    image = base64.b64encode(bytes(world.ours.signature.image))
    assert reply.json()["count"] == 1
    assert image not in reply.content


def test_a_signature_is_not_older_than_what_is_signed(signer, address):
    early = timezone.localdate() - timedelta(days=2)
    body = {"signature": base64_of(drawing()), "name": "Bea", "signature_date": f"{early}"}
    with nothing_written():
        reply = signer.post(address, body)
    assert_refused(reply, 400, "invalid", signature_date=["The application was opened later."])


def test_from_where_it_was_signed_is_for_staff_and_the_signer(world, api):
    signature = world.ours.signature
    signature.ip_address, signature.user_agent = "203.0.113.9", "Firefox"
    signature.save()
    one = f"/api/applications/{world.ours.application.pk}/signature/{signature.pk}/"
    for user in (world.admin, world.ours.bd_user, world.ours.client_user):
        assert api(user).get(one).json()["ip_address"] == "203.0.113.9"
    shown = api(world.ours.broker_user).get(one).json()
    assert (shown["ip_address"], shown["user_agent"]) == (None, "")


def test_the_address_of_an_image_names_its_methods(world, api):
    one = f"/api/applications/{world.ours.application.pk}/signature/{world.ours.signature.pk}/image/"
    reply = api(world.admin).options(one)
    assert (reply.status_code, reply["Allow"]) == (204, "GET, HEAD, OPTIONS")
