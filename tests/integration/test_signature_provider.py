"""Signatures that an outside provider collects: what it is told, what it tells, and when it is away."""

import hashlib
import hmac
import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from crm_backend.common.breakers import FAILURES, breaker_of
from documents.models import ProviderDelivery, SignatureRequest, Signer
from documents.providers import ProviderRefused, ProviderUnavailable
from documents.providers.http import HttpProvider
from documents.services import outside
from documents.tasks import end_signature_requests, go_on_with_signatures
from events.models import Event
from tests.documents.printed import stored
from tests.documents.provider import fake_provider
from tests.documents.signing import document_of, request_of
from tests.documents.test_active_pdfs import ACTIVE
from tests.writes import nothing_written

SECRET = "s" * 40
WEBHOOK = "/api/documents/documents/signature-webhook/"
OUTSIDER = "olga@example.org"


@pytest.fixture
def provider(settings):
    with fake_provider() as fake:
        settings.ESIGN_URL, settings.ESIGN_TOKEN = fake.url, "token-1"
        settings.ESIGN_WEBHOOK_SECRET, settings.ESIGN_TIMEOUT_SECONDS = SECRET, 0.3
        yield fake


@pytest.fixture
def request_(world, provider):
    document = document_of(world.ours.application, world.ours.bd_user)
    return request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user, provider="http")


def again(request_):
    """As if its time had come."""
    SignatureRequest.objects.filter(pk=request_.pk).exclude(retry_at=None).update(retry_at=timezone.now())
    outside.requests_push()
    request_.refresh_from_db()
    return request_


def tell(client, event, delivery="d-1", secret=SECRET, at=None, **data):
    body = json.dumps({"event": event, "request": "ext-1", **data}).encode()
    sent = str(int(at or time.time()))
    signature = hmac.new(secret.encode(), b".".join((sent.encode(), delivery.encode(), body)), hashlib.sha256)
    return client.post(
        WEBHOOK,
        body,
        content_type="application/json",
        HTTP_SIGNATURE_TIMESTAMP=sent,
        HTTP_SIGNATURE_DELIVERY=delivery,
        HTTP_SIGNATURE=signature.hexdigest(),
    )


def test_a_provider_collects_the_signatures_and_its_file_becomes_a_version(world, api, provider, request_):
    assert request_.status == "sending"
    go_on_with_signatures()
    request_.refresh_from_db()
    assert (request_.status, request_.external_id) == ("open", "ext-1")
    sent = provider.asked[0]
    assert (sent["headers"]["Authorization"], sent["path"]) == ("Bearer token-1", "/esign/requests")
    assert sent["body"]["document"]["sha256"] == request_.version.file.sha256
    assert [one["email"] for one in sent["body"]["signers"]] == [OUTSIDER, world.ours.client_user.email]
    client = api()
    assert tell(client, "signed", "d-1", signer=2, at_="x").status_code == 400
    assert tell(client, "signed", "d-2", signer=2, ip_address="203.0.113.7").json() == {"is_new": True}
    assert tell(client, "signed", "d-3", signer=1).json() == {"is_new": True}
    go_on_with_signatures()
    request_.refresh_from_db()
    assert request_.status == "completed"
    assert stored(request_.signed_version) == provider.signed
    record = Signer.objects.get(request=request_, position=2).record
    assert (record["identified_by"], record["method"], record["ip_address"]) == (
        "http",
        "provider",
        "203.0.113.7",
    )
    verified = api(world.admin).get(f"/api/documents/signature-requests/{request_.pk}/verify/").json()
    assert verified["is_intact"] is True


def test_a_message_that_comes_twice_does_nothing_twice(api, provider, request_):
    go_on_with_signatures()
    client = api()
    assert tell(client, "signed", signer=1).json() == {"is_new": True}
    with nothing_written():
        reply = tell(client, "signed", signer=1)
    assert (reply.status_code, reply.json()) == (200, {"is_new": False})
    assert Event.objects.filter(type="signature.signed").count() == 1


@pytest.mark.parametrize(
    "message",
    [
        {"secret": "t" * 40},
        {"at": time.time() - 10_000},
        {"at": time.time() + 10_000},
        {"delivery": ""},
        {"delivery": "d" * 101},
    ],
    ids=["secret", "old", "early", "nameless", "long"],
)
def test_a_message_that_is_not_the_providers_or_not_of_now_is_refused(api, provider, request_, message):
    go_on_with_signatures()
    client = api()
    with nothing_written():
        reply = tell(client, "signed", signer=1, **message)
    assert (reply.status_code, reply.json()["code"]) == (401, "bad_signature")


def test_a_changed_body_and_a_missing_secret_are_refused(api, provider, request_, settings):
    go_on_with_signatures()
    client = api()
    body = b'{"event":"signed","request":"ext-1","signer":1}'
    sent = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"{sent}.d-1.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "HTTP_SIGNATURE_TIMESTAMP": sent,
        "HTTP_SIGNATURE_DELIVERY": "d-1",
        "HTTP_SIGNATURE": signature,
    }
    changed = body.replace(b'"signer":1', b'"signer":2')
    assert client.post(WEBHOOK, changed, content_type="application/json", **headers).status_code == 401
    assert client.post(WEBHOOK, body, content_type="application/json").status_code == 401
    settings.ESIGN_WEBHOOK_SECRET = ""
    assert tell(client, "signed", secret="", signer=1).status_code == 401
    settings.ESIGN_WEBHOOK_SECRET = SECRET
    assert client.post(WEBHOOK, body, content_type="application/json", **headers).json() == {"is_new": True}


def test_a_provider_tells_of_declining_and_of_expiry(world, api, provider, request_):
    go_on_with_signatures()
    tell(api(), "declined", signer=1, reason="No.")
    request_.refresh_from_db()
    assert (request_.status, request_.signers.get(position=1).reason) == ("declined", "No.")
    assert Event.objects.get(type="signature.declined").recipients == [world.ours.bd_user.pk]
    # What comes late changes nothing.
    assert tell(api(), "signed", "d-2", signer=2).json() == {"is_new": True}
    assert tell(api(), "expired", "d-3").json() == {"is_new": True}
    request_.refresh_from_db()
    assert request_.status == "declined"


def test_a_message_of_an_unknown_request_does_nothing(db, api, provider):
    assert tell(api(), "signed", signer=1).json() == {"is_new": True}


def test_a_message_that_is_faster_than_the_answer_to_us_is_asked_for_again(api, provider, request_):
    client = api()
    with nothing_written():
        reply = tell(client, "signed", signer=1)
    assert (reply.status_code, reply.json()["code"]) == (409, "not_known_yet")
    go_on_with_signatures()
    assert tell(client, "signed", signer=1).json() == {"is_new": True}
    assert request_.signers.get(position=1).status == "signed"


def test_a_signed_file_that_acts_by_itself_is_not_taken(api, provider, request_):
    go_on_with_signatures()
    provider.signed = ACTIVE["opening"]
    tell(api(), "signed", "d-1", signer=1)
    tell(api(), "signed", "d-2", signer=2)
    go_on_with_signatures()
    request_.refresh_from_db()
    assert (request_.status, request_.signed_version) == ("failed", None)
    assert request_.problem.startswith("The provider's file is not taken. There is a script in this PDF.")


def test_a_provider_that_is_silent_or_fails_is_asked_again_later_with_the_same_key(provider, request_):
    provider.answers = [1.0, (503, {}, b"")]
    again(request_)
    assert (request_.status, request_.attempts) == ("sending", 1)
    assert "does not answer" in request_.problem
    assert request_.retry_at > timezone.now() + timedelta(seconds=20)
    assert outside.requests_push() == 0  # not before its time
    again(request_)
    assert request_.attempts == 2
    again(request_)
    assert (request_.status, request_.attempts, request_.problem) == ("open", 0, "")
    keys = {one["headers"]["Idempotency-Key"] for one in provider.asked}
    assert (len(provider.asked), len(keys), len(provider.ids)) == (3, 1, 1)


def test_a_provider_with_too_many_requests_says_when(provider, request_):
    provider.answers = [(429, {"Retry-After": "900"}, b"")]
    again(request_)
    assert request_.status == "sending"
    assert request_.retry_at > timezone.now() + timedelta(seconds=800)
    assert breaker_of("esign-http").current_state == "closed"


def test_a_provider_that_refuses_ends_the_request_and_its_owner_is_told(world, provider, request_):
    provider.answers = [(422, {}, b"{}")]
    again(request_)
    assert (request_.status, request_.problem) == ("failed", "The provider refused with status 422.")
    event = Event.objects.get(type="signature.ended")
    assert (event.data["status"], event.recipients) == ("failed", [world.ours.bd_user.pk])


def test_a_provider_that_never_answers_is_given_up(provider, request_):
    provider.answers = [(500, {}, b"")] * 20
    for _ in range(outside.MAX_ATTEMPTS):
        breaker_of("esign-http").close()
        again(request_)
    assert request_.status == "failed"
    assert len(provider.asked) == outside.MAX_ATTEMPTS


def test_after_failures_in_a_row_nobody_calls_for_a_while_in_any_process(provider):
    provider.answers = [(500, {}, b"")] * 20
    client = HttpProvider(url=provider.url, token="t", seconds=0.3)
    for _ in range(FAILURES):
        with pytest.raises(ProviderUnavailable):
            client.signed_file("ext-1")
    assert len(provider.asked) == FAILURES
    another = HttpProvider(url=provider.url, token="t", seconds=0.3)
    with pytest.raises(ProviderUnavailable, match="left alone"):
        another.signed_file("ext-1")
    assert len(provider.asked) == FAILURES
    provider.answers = []
    breaker_of("esign-http").half_open()
    assert another.signed_file("ext-1") == provider.signed
    assert breaker_of("esign-http").current_state == "closed"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {}, b"<html>"), ProviderRefused),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), ProviderRefused),
        ((404, {}, b""), ProviderRefused),
    ],
)
def test_an_answer_that_is_no_file_is_refused(provider, answer, error):
    provider.answers = [answer]
    with pytest.raises(error):
        HttpProvider(url=provider.url, token="t", seconds=0.3).signed_file("ext-1")


def test_an_answer_without_an_id_is_asked_for_again(provider, request_):
    provider.answers = [(201, {}, b"[]")]
    again(request_)
    assert (request_.status, request_.attempts) == ("sending", 1)


def test_a_provider_is_told_of_a_request_that_was_taken_back(world, api, provider, request_):
    go_on_with_signatures()
    reply = api(world.admin).post(f"/api/documents/signature-requests/{request_.pk}/cancel/")
    assert reply.json()["status"] == "cancelled"
    provider.answers = [(503, {}, b"")]
    go_on_with_signatures()
    again(request_)
    assert provider.paths()[-2:] == ["POST /esign/requests/ext-1/cancel"] * 2
    assert request_.retry_at is None
    assert outside.requests_push() == 0


def test_nobody_signs_here_what_a_provider_collects(world, api, provider, request_):
    go_on_with_signatures()
    reply = api(world.ours.client_user).post(
        f"/api/documents/signature-requests/{request_.pk}/sign/", {"consent": True, "typed_name": "Bea"}
    )
    assert (reply.status_code, reply.json()["code"]) == (409, "signature_request_over")


def test_old_messages_are_forgotten(db):
    ProviderDelivery.objects.create(provider="http", delivery_id="old")
    ProviderDelivery.objects.create(provider="http", delivery_id="new")
    old = timezone.now() - outside.DELIVERIES_KEPT - timedelta(hours=1)
    ProviderDelivery.objects.filter(delivery_id="old").update(received_at=old)
    end_signature_requests()
    assert list(ProviderDelivery.objects.values_list("delivery_id", flat=True)) == ["new"]
