"""Asking for signatures, signing by link and by login, the signed file, and what tampering shows."""

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from django.core import mail
from django.utils import timezone

from applications.choices import Stage
from applications.models import StageChange
from documents.mail import MAX_ATTEMPTS
from documents.models import (
    Document,
    SealKey,
    SignatureRequest,
    Signer,
    SigningMail,
    StoredFile,
)
from documents.sealing.files import NotSignable, look_at, seal
from documents.sealing.keys import self_signed
from documents.services import sealing, signature_requests
from documents.storage import document_storage
from documents.tasks import end_signature_requests, go_on_with_signatures
from events.models import Event
from notifications.models import Alert, Notification
from tests.documents.printed import flat, stored, text_of_pdf
from tests.documents.signing import document_of, letter_of, request_of, token_for
from tests.drawings import base64_of, drawing
from tests.servicing.kit import make_ready
from tests.writes import nothing_written

OUTSIDER = "olga@example.org"
TYPED = {"consent": True, "typed_name": "Bea Borrower"}


def drawn():
    return {"consent": True, "signature": base64_of(drawing())}


@pytest.fixture
def document(world):
    return document_of(world.ours.application, world.ours.bd_user, visible_to_client=True)


def ask(client, document, *signers, **fields):
    people = [
        {"name": "Olga Other", "email": one} if isinstance(one, str) else {"user": one.pk} for one in signers
    ]
    return client.post(
        f"/api/documents/documents/{document.pk}/send-for-signature/", {"signers": people, **fields}
    )


def sign(client, request_id, **body):
    return client.post(f"/api/documents/signature-requests/{request_id}/sign/", body or TYPED)


def by_link(client, what, token, **body):
    return client.post(f"/api/documents/signing/{what}/", {"token": token, **body}, HTTP_USER_AGENT="Phone 1")


def test_a_document_is_signed_by_a_login_and_by_a_link(world, api, document, dispatch):
    staff, borrower, anyone = api(world.ours.bd_user), api(world.ours.client_user), api()
    reply = ask(staff, document, world.ours.client_user, OUTSIDER, message="Before Friday, please.")
    assert reply.status_code == 201, reply.content
    made = reply.json()
    assert (made["status"], made["signer_count"], made["signed_count"]) == ("open", 2, 0)
    assert made["sha256"] == document.current.file.sha256

    token = token_for(OUTSIDER)
    assert "Before Friday, please." in mail.outbox[-1].body
    shown = by_link(anyone, "open", token).json()
    assert (shown["title"], shown["signer_status"], shown["status"]) == ("Agreement", "waiting", "open")
    assert shown["requested_by"] == world.ours.bd_user.full_name
    file = by_link(anyone, "file", token)
    assert hashlib.sha256(b"".join(file)).hexdigest() == shown["sha256"]
    assert file["Content-Disposition"].startswith("inline")

    reply = by_link(anyone, "sign", token, **drawn())
    assert (reply.status_code, reply.json()["signer_status"]) == (200, "signed")
    reply = sign(borrower, made["id"])
    assert (reply.status_code, reply.json()["status"]) == (200, "sealing")

    go_on_with_signatures()
    done = staff.get(f"/api/documents/signature-requests/{made['id']}/").json()
    assert (done["status"], done["signed_count"], done["version"], done["signed_version"]) == (
        "completed",
        2,
        1,
        2,
    )
    document.refresh_from_db()
    content = stored(document.current)
    original = stored(document.versions.get(number=1))
    assert content.startswith(original)
    text = text_of_pdf(content)
    for word in (
        "Certificate of signatures",
        "Olga Other",
        world.ours.client_user.full_name,
        "Phone 1",
        "127.0.0.1",
    ):
        assert word in text
    assert document.versions.get(number=1).file.sha256 in flat(text)
    verified = staff.get(f"/api/documents/signature-requests/{made['id']}/verify/").json()
    assert verified == {
        "is_intact": True,
        "checks": [
            {"name": name, "is_intact": True, "faults": []}
            for name in ("document", "records", "drawings", "signed_file")
        ],
    }
    # The signed copy by link, for both.
    copy = by_link(anyone, "file", token_for(OUTSIDER))
    assert b"".join(copy) == content
    assert b"".join(borrower.get(f"/api/documents/signature-requests/{made['id']}/file/")) == content
    go_on_with_signatures()
    dispatch()
    told = Notification.objects.filter(user=world.ours.bd_user).values_list("event__type", flat=True)
    assert list(told.order_by("seq"))[-3:] == [
        "signature.signed",
        "document.version_added",
        "signature.completed",
    ]
    required = Notification.objects.get(user=world.ours.client_user, notification_type="signature_required")
    assert required.title == "Please sign Agreement"


def test_records_form_a_chain_that_names_what_was_signed_by_whom_and_from_where(world, api, document):
    made = ask(api(world.ours.bd_user), document, OUTSIDER, world.ours.client_user).json()
    by_link(api(), "sign", token_for(OUTSIDER), **drawn())
    sign(api(world.ours.client_user), made["id"])
    first, second = Signer.objects.filter(request=made["id"]).order_by("position")
    assert first.record["previous"] == "0" * 64
    assert second.record["previous"] == first.record_sha256
    assert first.record["document_sha256"] == second.record["document_sha256"] == made["sha256"]
    assert (first.record["identified_by"], second.record["identified_by"]) == ("link", "login")
    assert (first.record["ip_address"], first.record["user_agent"]) == ("127.0.0.1", "Phone 1")
    assert first.record["image_sha256"] == hashlib.sha256(drawing()).hexdigest()
    assert second.record["typed_name"] == "Bea Borrower"
    assert second.record["user"] == world.ours.client_user.pk
    assert "agree to sign it electronically" in first.record["consent"]


def test_signatures_are_drawn_on_the_lines_of_a_letter(world, api):
    document = letter_of(world.ours.application, world.ours.bd_user)
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    Signer.objects.filter(request=request).update(name=world.ours.borrower.display_name)
    before = page_text(stored(document.current), 0)
    sign(api(world.ours.client_user), request.pk, consent=True, typed_name="Bea B.")
    go_on_with_signatures()
    document.refresh_from_db()
    content = stored(document.current)
    assert "Bea B." not in before
    assert "Bea B." in page_text(content, 0) + page_text(content, 1)
    assert look_at_bytes(content).faults == []


def page_text(content, number):
    with pypdfium2.PdfDocument(content) as opened:
        return opened[number].get_textpage().get_text_range()


def look_at_bytes(content):
    import io

    return look_at(io.BytesIO(content))


def completed(world, api, document):
    request = request_of(document, world.ours.bd_user, world.ours.client_user, OUTSIDER)
    sign(api(world.ours.client_user), request.pk)
    by_link(api(), "sign", token_for(OUTSIDER), **drawn())
    go_on_with_signatures()
    request.refresh_from_db()
    assert request.status == "completed"
    return request


def faults(client, request):
    found = client.get(f"/api/documents/signature-requests/{request.pk}/verify/").json()
    assert found["is_intact"] is (not any(check["faults"] for check in found["checks"]))
    return {check["name"]: check["faults"] for check in found["checks"] if check["faults"]}


def overwrite(file, content):
    Path(document_storage().path(file.key)).write_bytes(content)


def test_a_changed_byte_of_the_signed_file_shows(world, api, document):
    request, client = completed(world, api, document), api(world.admin)
    content = bytearray(stored(request.signed_version))
    for place in (100, len(stored(request.version)) + 500, len(content) - 30):
        changed = bytearray(content)
        changed[place] ^= 1
        overwrite(request.signed_version.file, changed)
        assert "The signed file is not the one that was made." in faults(client, request)["signed_file"]
        assert look_at_bytes(bytes(changed)).faults
    overwrite(request.signed_version.file, content)
    assert faults(client, request) == {}


def test_something_added_to_the_signed_file_shows_in_the_file_itself(world, api, document):
    request = completed(world, api, document)
    content = stored(request.signed_version)
    assert look_at_bytes(content).faults == []
    assert look_at_bytes(content + b"\n% more\n").faults == [
        "Something was added to the file after it was sealed."
    ]
    assert look_at_bytes(stored(request.version)).faults == ["The file has no seal."]


def test_a_file_that_somebody_else_sealed_shows(world, api, document):
    """Whoever could change the file and its row has not our key."""
    request, client = completed(world, api, document), api(world.admin)
    forged = seal(
        io.BytesIO(stored(request.version)),
        appended=stored(request.version),
        overlays={},
        with_seal=self_signed("Somebody", timezone.now()),
        reason="Signed",
    )
    kept = request.signed_version.file
    Path(document_storage().path(kept.key)).write_bytes(forged)
    StoredFile.objects.filter(pk=kept.pk).update(sha256=hashlib.sha256(forged).hexdigest(), size=len(forged))
    assert faults(client, request) == {
        "signed_file": ["The seal is not of the key that the file was sealed with."]
    }


def test_a_file_stays_intact_when_the_key_is_replaced(world, api, document):
    request, client = completed(world, api, document), api(world.admin)
    SealKey.objects.all().delete()
    assert faults(client, request) == {}


def test_a_certificate_page_that_was_replaced_shows(world, api, document):
    request, client = completed(world, api, document), api(world.admin)
    kept = request.signed_version.file
    changed = io.BytesIO()
    with (
        pikepdf.open(io.BytesIO(stored(request.signed_version))) as pdf,
        pikepdf.open(io.BytesIO(stored(request.version))) as other,
    ):
        pdf.pages[-1] = other.pages[0]
        pdf.save(changed)
    content = changed.getvalue()
    Path(document_storage().path(kept.key)).write_bytes(content)
    StoredFile.objects.filter(pk=kept.pk).update(
        sha256=hashlib.sha256(content).hexdigest(), size=len(content)
    )
    found = faults(client, request)["signed_file"]
    assert "The signed file does not begin with the document that was signed." in found
    assert "The file was changed after it was sealed." in found


def test_signers_in_order_are_asked_one_after_the_other(world, api, document, dispatch):
    staff, first, last = api(world.ours.bd_user), api(world.ours.client_user), api(world.ours.broker_user)
    reply = ask(staff, document, world.ours.client_user, OUTSIDER, world.ours.broker_user, in_order=True)
    made = reply.json()
    assert (reply.status_code, made["in_order"]) == (201, True)
    go_on_with_signatures()
    assert [one.to for one in mail.outbox] == [[world.ours.client_user.email]]
    mine = "/api/documents/signature-requests/?mine=true"
    assert [len(one.get(mine).json()["results"]) for one in (first, last)] == [1, 0]
    with nothing_written():
        early = sign(last, made["id"])
    assert (early.status_code, early.json()["code"]) == (409, "not_your_turn")
    SignatureRequest.objects.get().signers.update(reminded_at=timezone.now() - timedelta(days=1))
    assert staff.post(f"/api/documents/signature-requests/{made['id']}/remind/").json() == {"reminded": 1}
    assert sign(first, made["id"]).status_code == 200
    token = token_for(OUTSIDER)
    assert by_link(api(), "sign", token, **TYPED).status_code == 200
    go_on_with_signatures()
    dispatch()
    told = Notification.objects.filter(user=world.ours.broker_user, event__type="signature.requested")
    assert told.count() == 1
    assert len(last.get(mine).json()["results"]) == 1
    assert sign(last, made["id"]).status_code == 200
    go_on_with_signatures()
    assert SignatureRequest.objects.get().status == "completed"
    invited = [one.to[0] for one in mail.outbox if one.subject.startswith("Please sign")]
    assert invited == [world.ours.client_user.email, OUTSIDER, world.ours.broker_user.email]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"record_sha256": "f" * 64}, "records"),
        ({"name": "Somebody Else"}, "records"),
        ({"image": drawing((121, 40))}, "drawings"),
        ({"record": None, "record_sha256": "", "status": "waiting", "acted_at": None}, "records"),
    ],
)
def test_a_changed_record_shows(world, api, document, change, where):
    request = completed(world, api, document)
    which = Signer.objects.filter(request=request, method="drawn" if "image" in change else "typed")
    assert which.update(**change) == 1
    assert where in faults(api(world.admin), request)


def test_a_changed_original_shows(world, api, document):
    request = completed(world, api, document)
    overwrite(request.version.file, stored(request.version)[:-1] + b"x")
    assert faults(api(world.admin), request)["document"] == ["The document is not what was uploaded."]


# --- links ------------------------------------------------------------------------------------


def test_a_link_signs_once_and_a_later_one_ends_those_before(world, api, document):
    request = request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user)
    first = token_for(OUTSIDER)
    Signer.objects.update(reminded_at=None)
    staff = api(world.ours.bd_user)
    assert staff.post(f"/api/documents/signature-requests/{request.pk}/remind/").json() == {"reminded": 2}
    assert staff.post(f"/api/documents/signature-requests/{request.pk}/remind/").json() == {"reminded": 0}
    second = token_for(OUTSIDER)
    assert first != second
    assert "Reminder" in [one.subject for one in mail.outbox if one.to == [OUTSIDER]][-1]
    reply = by_link(api(), "open", first)
    assert (reply.status_code, reply.json()["code"]) == (404, "signing_link_unknown")
    assert by_link(api(), "sign", second, **TYPED).status_code == 200
    with nothing_written():
        reply = by_link(api(), "sign", second, **TYPED)
    assert (reply.status_code, reply.json()["code"]) == (409, "signing_link_used")


def test_no_row_holds_a_token(world, api, document):
    request_of(document, world.ours.bd_user, OUTSIDER)
    token = token_for(OUTSIDER)
    signer = Signer.objects.get(email=OUTSIDER)
    assert signer.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert not Event.objects.filter(data__icontains=token).exists()


def test_links_and_logins_end_with_the_request(world, api, document):
    request = request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user)
    token = token_for(OUTSIDER)
    SignatureRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for reply in (
        by_link(api(), "open", token),
        by_link(api(), "file", token),
        by_link(api(), "sign", token, **TYPED),
        by_link(api(), "decline", token, reason="Late."),
        sign(api(world.ours.client_user), request.pk),
    ):
        assert (reply.status_code, reply.json()["code"]) == (409, "signature_request_over")
    assert end_signature_requests() == 1
    assert end_signature_requests() == 0
    request.refresh_from_db()
    assert request.status == "expired"
    event = Event.objects.get(type="signature.ended")
    assert (event.data["status"], event.recipients) == ("expired", [world.ours.bd_user.pk])


def test_declining_ends_the_request_and_says_why(world, api, document):
    request = request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user)
    reply = by_link(api(), "decline", token_for(OUTSIDER), reason="The rate is wrong.")
    assert (reply.status_code, reply.json()["status"]) == (200, "declined")
    reply = sign(api(world.ours.client_user), request.pk)
    assert (reply.status_code, reply.json()["code"]) == (409, "signature_request_over")
    event = Event.objects.get(type="signature.declined")
    assert event.data["reason"] == "The rate is wrong."
    assert event.recipients == [world.ours.bd_user.pk]
    assert request_of(document, world.ours.bd_user, OUTSIDER).status == "open"


def test_a_request_is_taken_back_and_its_mails_with_it(world, api, document):
    request = request_of(document, world.ours.bd_user, OUTSIDER)
    staff = api(world.ours.bd_user)
    reply = staff.post(f"/api/documents/signature-requests/{request.pk}/cancel/")
    assert (reply.status_code, reply.json()["status"]) == (200, "cancelled")
    go_on_with_signatures()
    assert mail.outbox == []
    assert SigningMail.objects.get().status == "failed"
    reply = staff.post(f"/api/documents/signature-requests/{request.pk}/cancel/")
    assert (reply.status_code, reply.json()["code"]) == (409, "signature_request_over")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"consent": False, "typed_name": "Bea"}, "consent"),
        ({"typed_name": "Bea"}, "consent"),
        ({"consent": True}, "signature"),
        ({"consent": True, "typed_name": "Bea", "signature": base64_of(drawing())}, "signature"),
        ({"consent": True, "signature": "nonsense"}, "signature"),
        ({"consent": True, "typed_name": " "}, "typed_name"),
    ],
)
def test_a_signature_needs_consent_and_one_form(world, api, document, body, field):
    request = request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user)
    token, client = token_for(OUTSIDER), api(world.ours.client_user)
    for reply in (by_link(api(), "sign", token, **body), sign(client, request.pk, **body)):
        assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])
    assert not Signer.objects.filter(status="signed").exists()


# --- asking -----------------------------------------------------------------------------------


def test_nobody_signs_for_another(world, api, document):
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    for role in ("admin", "bd", "broker"):
        reply = sign(api(world.user(role)), request.pk)
        assert (reply.status_code, reply.json()["detail"]) == (403, "You are not asked to sign this.")
    reply = sign(api(world.theirs.client_user), request.pk)
    assert reply.status_code == 404


def test_a_signer_sees_the_request_and_its_file_without_seeing_the_document(world, api):
    document = document_of(world.ours.application, world.ours.bd_user, visible_to_client=False)
    request = request_of(document, world.ours.bd_user, world.ours.client_user, OUTSIDER)
    client = api(world.ours.client_user)
    assert client.get(f"/api/documents/documents/{document.pk}/").status_code == 404
    shown = client.get(f"/api/documents/signature-requests/{request.pk}/").json()
    assert [one["email"] for one in shown["signers"]] == [world.ours.client_user.email, ""]
    assert b"".join(client.get(f"/api/documents/signature-requests/{request.pk}/file/")) == stored(
        document.current
    )
    mine = client.get("/api/documents/signature-requests/", {"mine": "true"}).json()
    assert [one["id"] for one in mine["results"]] == [request.pk]
    others = api(world.ours.bd_user).get("/api/documents/signature-requests/", {"mine": "true"}).json()
    assert others["count"] == 0
    sign(client, request.pk)
    assert client.get("/api/documents/signature-requests/", {"mine": "true"}).json()["count"] == 0


@pytest.mark.parametrize(
    ("content", "content_type", "reason"),
    [
        (b"PK\x03\x04", "application/zip", "Only PDF files can be signed."),
        (b"%PDF-1.7 and nothing more", "application/pdf", "This PDF cannot be read"),
    ],
)
def test_what_is_no_readable_pdf_is_not_sent_for_signature(world, api, content, content_type, reason):
    document = document_of(world.ours.application, world.ours.bd_user, content, content_type=content_type)
    client = api(world.admin)
    with nothing_written():
        reply = ask(client, document, OUTSIDER)
    assert (reply.status_code, reply.json()["code"]) == (409, "cannot_be_signed")
    assert reply.json()["detail"].startswith(reason)


def test_a_sealed_file_is_not_signed_again(world, api, document):
    completed(world, api, document)
    reply = ask(api(world.admin), document, OUTSIDER)
    assert (reply.status_code, reply.json()["code"]) == (409, "cannot_be_signed")
    assert "digital signature already" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"signers": []}, "signers"),
        ({"signers": [{"name": "Olga"}]}, "signers"),
        ({"signers": [{"email": OUTSIDER}]}, "signers"),
        (
            {"signers": [{"name": "A", "email": OUTSIDER}, {"name": "B", "email": OUTSIDER.upper()}]},
            "signers",
        ),
        ({"signers": [{"name": "A", "email": f"a{n}@example.org"} for n in range(11)]}, "signers"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "expires_at"),
        ({"provider": "http"}, "provider"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(world, api, document, fields, field):
    body = {"signers": [{"name": "Olga", "email": OUTSIDER}], **fields}
    client = api(world.admin)
    with nothing_written():
        reply = client.post(f"/api/documents/documents/{document.pk}/send-for-signature/", body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


def test_a_user_of_the_other_side_is_no_signer(world, api, document):
    reply = ask(api(world.ours.bd_user), document, world.theirs.client_user)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["signers"])


def test_a_document_waits_for_one_set_of_signatures_at_a_time(world, api, document):
    client = api(world.admin)
    assert ask(client, document, OUTSIDER).status_code == 201
    reply = ask(client, document, OUTSIDER)
    assert (reply.status_code, reply.json()["detail"]) == (409, "This document waits for signatures already.")


def test_a_document_that_was_sent_for_signature_is_not_deleted(world, api, document):
    request_of(document, world.ours.bd_user, OUTSIDER)
    assert api(world.admin).delete(f"/api/documents/documents/{document.pk}/").status_code == 409
    assert Document.objects.filter(pk=document.pk).exists()


def test_a_mail_that_fails_is_sent_again_with_another_link(world, document, monkeypatch):
    request_of(document, world.ours.bd_user, OUTSIDER)

    def refuse(*args, **kwargs):
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr("documents.mail.send_mail", refuse)
        go_on_with_signatures()
    owed = SigningMail.objects.get()
    assert (owed.status, owed.attempts) == ("pending", 1)
    assert Signer.objects.get().token_hash == ""
    SigningMail.objects.update(retry_at=None)
    assert token_for(OUTSIDER)


def test_a_mail_that_fails_for_good_raises_an_alert(world, document, monkeypatch):
    request_of(document, world.ours.bd_user, OUTSIDER, "otto@example.org")

    def refuse(*args, **kwargs):
        raise OSError("away")

    monkeypatch.setattr("documents.mail.send_mail", refuse)
    SigningMail.objects.update(attempts=MAX_ATTEMPTS - 1)
    go_on_with_signatures()
    assert set(SigningMail.objects.values_list("status", flat=True)) == {"failed"}
    alert = Alert.objects.get()
    assert (alert.source, alert.priority, alert.occurrences) == ("mail", "high", 2)


# --- sealing ----------------------------------------------------------------------------------


def test_a_seal_that_was_cut_short_is_made_by_the_next_sweep(world, api, document, monkeypatch):
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    sign(api(world.ours.client_user), request.pk)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "request_complete", killed)
        with pytest.raises(KeyboardInterrupt):
            sealing.requests_seal()
    request.refresh_from_db()
    assert request.status == "sealing"
    assert sealing.requests_seal() == 1
    assert sealing.requests_seal() == 0
    assert Document.objects.get(pk=document.pk).versions.count() == 2


def test_a_file_that_cannot_be_sealed_ends_its_request_and_holds_up_no_other(world, api, monkeypatch):
    requests = []
    for _ in range(3):
        document = document_of(world.ours.application, world.ours.bd_user)
        requests.append(request_of(document, world.ours.bd_user, world.ours.client_user))
        sign(api(world.ours.client_user), requests[-1].pk)
    make = sealing._signed_bytes

    def made(request, with_seal):
        if request.pk == requests[0].pk:
            raise NotSignable("This PDF cannot be signed: odd")
        if request.pk == requests[1].pk:
            raise OSError("away")
        return make(request, with_seal)

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "_signed_bytes", made)
        assert sealing.requests_seal() == 1
    assert list(SignatureRequest.objects.order_by("pk").values_list("status", flat=True)) == [
        "failed",
        "sealing",
        "completed",
    ]
    event = Event.objects.get(type="signature.ended")
    assert (event.data["problem"], event.recipients) == (
        "This PDF cannot be signed: odd",
        [world.ours.bd_user.pk],
    )
    assert sealing.requests_seal() == 1


def test_two_workers_make_one_signed_version(world, api, document):
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    sign(api(world.ours.client_user), request.pk)
    first: Any = sealing._for_sealing(request.pk)
    assert sealing.request_seal(request.pk) is True
    assert sealing.request_complete(first, first.version.file) is False
    assert document.versions.count() == 2


def test_the_key_of_the_settings_seals(world, api, document, settings, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_der_x509_certificate

    from documents.sealing.keys import self_signed

    own = self_signed("Own", timezone.now())
    key: Any = serialization.load_der_private_key(own.private_key, None)
    certificate = load_der_x509_certificate(own.certificate)
    encryption = serialization.BestAvailableEncryption(b"secret")
    path = tmp_path / "own.p12"
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"own", key, certificate, None, encryption))
    settings.SIGNING_PKCS12, settings.SIGNING_PKCS12_PASSWORD = path, "secret"
    request = completed(world, api, document)
    assert look_at_bytes(stored(request.signed_version)).fingerprint == own.fingerprint
    assert not SealKey.objects.exists()
    assert faults(api(world.admin), request) == {}


def test_the_kept_key_is_encrypted(world, api, document):
    completed(world, api, document)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key, certificate FROM documents_sealkey")
        ((private_key, certificate),) = cursor.fetchall()
    assert "PRIVATE KEY" not in str(private_key)
    assert certificate.startswith("-----BEGIN CERTIFICATE-----")


# --- the stage machine --------------------------------------------------------------------------


def test_loan_documents_count_as_signed_when_all_have(world, api, document):
    application = make_ready(world.ours.application)
    StageChange.objects.all().delete()
    type(application).objects.update(stage=Stage.LOAN_DOCS_ISSUED)
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    client = api(world.ours.bd_user)
    address = f"/api/applications/{application.pk}/stage/"
    reply = client.put(address, {"stage": "loan_docs_signed"})
    assert (reply.status_code, reply.json()["missing"]) == (409, ["Agreement has not been signed by all"])
    sign(api(world.ours.client_user), request.pk)
    go_on_with_signatures()
    assert client.put(address, {"stage": "loan_docs_signed"}).status_code == 200


def test_a_request_that_was_taken_back_does_not_hold_the_loan_up(world, api, document):
    application = make_ready(world.ours.application)
    StageChange.objects.all().delete()
    type(application).objects.update(stage=Stage.LOAN_DOCS_ISSUED)
    request = request_of(document, world.ours.bd_user, world.ours.client_user)
    signature_requests.signature_request_cancel(request=request, actor=world.admin)
    reply = api(world.ours.bd_user).put(
        f"/api/applications/{application.pk}/stage/", {"stage": "loan_docs_signed"}
    )
    assert reply.status_code == 200
