"""Tax file numbers, accounts and identity documents over HTTP: who reads them, and what never holds them."""

import json
from typing import Any

import pytest
from django.db import connection

from borrowers.models import Borrower
from crm_backend.common.encryption import UNREADABLE, WHOLE, Secret
from events.models import Event
from tests.checks import assert_refused
from tests.integration.test_borrowers_api import BORROWERS, PERSON, url_of
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

TFN = "123456782"
ACCOUNT = {"name": "Ann Lee", "bsb": "062000", "number": "12345678"}
PASSPORT = {
    "document_type": "passport",
    "number": "PA1234567",
    "issuing_state": "",
    "issuing_country": "AU",
    "expiry_date": "2031-05-01",
}
LICENCE = {
    "document_type": "drivers_licence",
    "number": "22334455",
    "issuing_state": "NSW",
    "issuing_country": "AU",
    "expiry_date": None,
}
SECRETS: dict[str, Any] = {
    "tax_id": TFN,
    "bank_account": ACCOUNT,
    "identity_documents": [PASSPORT, LICENCE],
}
MASKED = {
    "tax_id": WHOLE,
    "bank_account": {**ACCOUNT, "number": "•••••678"},
    "identity_documents": [{**PASSPORT, "number": "••••••567"}, {**LICENCE, "number": "•••••455"}],
}
NUMBERS = (TFN, "12345678", "PA1234567", "22334455")


@pytest.fixture
def kept(world):
    """Our borrower, with secrets."""
    borrower = world.ours.borrower
    Borrower.objects.filter(pk=borrower.pk).update(
        tax_id=TFN,
        bank_account_name=ACCOUNT["name"],
        bank_bsb=ACCOUNT["bsb"],
        bank_account_number=ACCOUNT["number"],
        identity_documents=json.dumps([PASSPORT, LICENCE]),
    )
    return Borrower.objects.get(pk=borrower.pk)


def secrets_in(reply, status=200):
    assert reply.status_code == status, reply.content
    shown = {name: reply.json()[name] for name in SECRETS}
    return {**shown, "identity_documents": [without_id(one) for one in shown["identity_documents"]]}


def without_id(document):
    return {name: value for name, value in document.items() if name != "id"}


def columns(borrower):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tax_id, bank_account_number, identity_documents, tax_id_index FROM borrowers_borrower"
            " WHERE id = %s",
            [borrower.pk],
        )
        return cursor.fetchone()


# --- who reads --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "expected"), [("admin", SECRETS), ("client", SECRETS), ("bd", MASKED), ("broker", MASKED)]
)
def test_administrators_and_the_owner_read_all_of_it_and_others_a_mask(world, api, kept, role, expected):
    assert secrets_in(api(world.user(role)).get(url_of(kept))) == expected


def test_a_broker_writes_and_reads_a_mask(world, api):
    client = api(world.ours.broker_user)
    made = client.post(BORROWERS, {**PERSON, **SECRETS, "tax_id": "123 456 782"})
    assert secrets_in(made, 201) == MASKED
    kept = Borrower.objects.get(pk=made.json()["id"])
    assert secrets_in(api(world.admin).get(url_of(kept))) == SECRETS
    assert secrets_in(client.patch(url_of(kept), {"tax_id": "876543210"})) == {
        **MASKED,
        "tax_id": WHOLE,
    }


def test_the_database_has_no_number(world, api):
    made = api(world.admin).post(BORROWERS, {**PERSON, **SECRETS})
    row = " ".join(columns(Borrower.objects.get(pk=made.json()["id"])))
    assert [number for number in NUMBERS if number in row] == []
    assert "passport" not in row


def test_nothing_else_holds_a_number(world, api, kept):
    admin, broker = api(world.admin), api(world.ours.broker_user)
    assert admin.patch(url_of(kept), {"tax_id": "876543210"}).status_code == 200
    made = broker.post(BORROWERS, {**PERSON, **SECRETS})
    body = {"loan_amount": "1", "loan_term": 1, "interest_rate": "1", "borrowers": [{**PERSON, **SECRETS}]}
    assert broker.post("/api/applications/create-with-cascade/", body).status_code == 201
    read = [broker.get(url_of(kept)), made, broker.get(BORROWERS), admin.get(BORROWERS)]
    read += [client.get(f"{BORROWERS}?search={TFN}") for client in (admin, broker)]
    read += [admin.get("/api/audit-logs/"), broker.get(url_of(kept) + "timeline/")]
    read += [admin.get(f"/api/applications/{world.ours.application.pk}/")]
    text = " ".join(reply.content.decode() for reply in read)
    text += json.dumps(list(Event.objects.values("type", "data")))
    assert [number for number in (*NUMBERS, "876543210") if number in text] == []
    assert '"count":0' in read[5].content.decode()
    changed = Event.objects.filter(type="borrower.updated").latest("pk")
    assert changed.data["field_names"] == "tax_id"


# --- the mask sent back -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_what_was_read_may_be_sent_back_and_keeps_what_is_stored(world, api, kept, role):
    client = api(world.user(role))
    shown = client.get(url_of(kept)).json()
    before, events = columns(kept), Event.objects.count()
    writable = {name: value for name, value in shown.items() if name not in ("created_at", "updated_at")}
    assert client.put(url_of(kept), writable).status_code == 200
    assert Event.objects.count() == events
    assert Borrower.objects.get(pk=kept.pk).tax_id == TFN
    assert columns(kept)[0] == before[0]


def test_a_masked_document_keeps_its_number_among_changed_ones(world, api, kept):
    broker, admin = api(world.ours.broker_user), api(world.admin)
    third = {**LICENCE, "document_type": "other", "number": "777888"}
    shown = broker.get(url_of(kept)).json()["identity_documents"]
    sent = [third, {**shown[0], "expiry_date": "2035-01-01"}]
    assert broker.patch(url_of(kept), {"identity_documents": sent}).status_code == 200
    shown = admin.get(url_of(kept)).json()["identity_documents"]
    assert [without_id(one) for one in shown] == [third, {**PASSPORT, "expiry_date": "2035-01-01"}]
    assert shown[1]["id"] == sent[1]["id"] != shown[0]["id"]


def test_two_documents_with_the_same_mask_keep_both_numbers(world, api, kept):
    twins = [{**PASSPORT, "number": "PA1111567"}, {**PASSPORT, "number": "PA2222567"}]
    admin, broker = api(world.admin), api(world.ours.broker_user)
    assert admin.patch(url_of(kept), {"identity_documents": twins}).status_code == 200
    shown = broker.get(url_of(kept)).json()["identity_documents"]
    assert {one["number"] for one in shown} == {"••••••567"}
    assert broker.patch(url_of(kept), {"identity_documents": shown[::-1]}).status_code == 200
    numbers = [one["number"] for one in admin.get(url_of(kept)).json()["identity_documents"]]
    assert numbers == ["PA2222567", "PA1111567"]
    assert broker.patch(url_of(kept), {"identity_documents": shown[1:]}).status_code == 200
    [left] = admin.get(url_of(kept)).json()["identity_documents"]
    assert (left["id"], left["number"]) == (shown[1]["id"], "PA2222567")


def test_a_removed_documents_id_is_not_given_again(world, api, kept):
    broker = api(world.ours.broker_user)
    shown = broker.get(url_of(kept)).json()["identity_documents"]
    sent = [shown[0], LICENCE]
    assert broker.patch(url_of(kept), {"identity_documents": sent}).status_code == 200
    now = broker.get(url_of(kept)).json()["identity_documents"]
    assert now[0]["id"] == shown[0]["id"]
    assert now[1]["id"] not in {one["id"] for one in shown}
    with nothing_written():
        reply = broker.patch(url_of(kept), {"identity_documents": shown})
    assert reply.json()["errors"] == {
        "identity_documents": {"1": {"id": ["The borrower has no such document."]}}
    }


MASK_ERROR = "This is masked. Send all of it, or leave it as it was read."


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"tax_id": "••••••782"}, {"tax_id": [MASK_ERROR]}),
        ({"tax_id": "12345•782"}, {"tax_id": [MASK_ERROR]}),
        ({"tax_id": "123456789"}, {"tax_id": ["This is not a valid tax file number."]}),
        ({"tax_id": "12345678a"}, {"tax_id": ["This is not a valid tax file number."]}),
        ({"tax_id": None}, {"tax_id": ["This field may not be null."]}),
        (
            {"bank_account": {**ACCOUNT, "number": "•••••679"}},
            {"bank_account": {"number": [MASK_ERROR]}},
        ),
        (
            {"bank_account": {**ACCOUNT, "number": "1234"}},
            {"bank_account": {"number": ["An account number has 5 to 9 digits."]}},
        ),
        (
            {"bank_account": {**ACCOUNT, "bsb": "06200"}},
            {"bank_account": {"bsb": ["A BSB has 6 digits."]}},
        ),
        (
            {"bank_account": {"name": ""}},
            {"bank_account": {"name": ["A bank account has a name, a BSB and a number."]}},
        ),
        (
            {"bank_account": {"bank": "X"}},
            {"bank_account": {"bank": ["There is no such field here."]}},
        ),
        (
            {"identity_documents": [PASSPORT, {**LICENCE, "number": "•••••999"}]},
            {"identity_documents": {"1": {"number": [MASK_ERROR]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "number": "••••••567"}]},
            {"identity_documents": {"0": {"number": [MASK_ERROR]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "id": "1", "number": "••••••567"}]},
            {"identity_documents": {"0": {"number": [MASK_ERROR]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "id": "7"}]},
            {"identity_documents": {"0": {"id": ["The borrower has no such document."]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "id": "0"}, {**LICENCE, "id": "0"}]},
            {"identity_documents": {"1": {"id": ["Each may be named once."]}}},
        ),
        (
            {"identity_documents": [{"document_type": "passport"}]},
            {"identity_documents": {"0": {"number": ["This field is required."]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "number": "P/1"}]},
            {"identity_documents": {"0": {"number": ["A number has 3 to 40 letters and digits."]}}},
        ),
        (
            {"identity_documents": [{**PASSPORT, "document_type": "library_card"}]},
            {"identity_documents": {"0": {"document_type": ['"library_card" is not a valid choice.']}}},
        ),
        ({"identity_documents": [PASSPORT] * 11}, None),
        ({"identity_documents": "PA1234567"}, None),
    ],
)
def test_a_bad_secret_is_refused_by_field_and_not_repeated(world, api, kept, change, errors):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.patch(url_of(kept), change)
    assert reply.status_code == 400
    if errors is not None:
        assert reply.json()["errors"] == errors
    assert [number for number in NUMBERS if number in reply.content.decode()] == []


def test_a_mask_is_no_value_of_a_new_borrower(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(BORROWERS, {**PERSON, **MASKED})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {
        "tax_id": [MASK_ERROR],
        "bank_account": {"number": [MASK_ERROR]},
        "identity_documents": {"0": {"number": [MASK_ERROR]}, "1": {"number": [MASK_ERROR]}},
    }


def test_secrets_can_be_emptied(world, api, kept):
    empty = {"tax_id": "", "bank_account": {"name": "", "bsb": "", "number": ""}, "identity_documents": []}
    assert secrets_in(api(world.ours.broker_user).patch(url_of(kept), empty)) == empty
    assert columns(kept) == ("", "", "", "")


@pytest.mark.parametrize(
    "change",
    [
        {"tax_id": "876543210"},
        {"bank_account": {"number": "99999999"}},
        {"identity_documents": []},
    ],
)
def test_a_client_does_not_change_them(world, api, kept, change):
    client = api(world.ours.client_user)
    with nothing_written():
        reply = client.patch(url_of(kept), change)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {next(iter(change)): ["Ask your broker or the lender to change this."]}


# --- keys that are missing ----------------------------------------------------------------------------


def test_a_value_that_cannot_be_read_fails_no_page_and_is_not_lost(world, api, kept):
    broken = Secret("nobody:knows")
    Borrower.objects.filter(pk=kept.pk).update(
        tax_id=broken, bank_account_number=broken, identity_documents=broken
    )
    client, before = api(world.admin), columns(kept)
    assert client.get(BORROWERS).status_code == 200
    shown = client.get(url_of(kept))
    assert secrets_in(shown) == {
        "tax_id": UNREADABLE,
        "bank_account": {**ACCOUNT, "number": UNREADABLE},
        "identity_documents": [],
    }
    assert client.get(url_of(kept) + "financial-summary/").status_code == 200
    assert client.get(f"{BORROWERS}duplicates/?borrower={kept.pk}").status_code == 200
    sent = {name: shown.json()[name] for name in SECRETS}
    for change in ({name: value} for name, value in sent.items()):
        with nothing_written():
            assert_refused(client.patch(url_of(kept), {**change, "job_title": "Baker"}), 409, "conflict")
    with nothing_written():
        assert_refused(client.patch(url_of(kept), {"identity_documents": [PASSPORT]}), 409, "conflict")
    assert client.patch(url_of(kept), {"job_title": "Baker"}).status_code == 200
    assert columns(kept) == before
    assert client.patch(url_of(kept), {"tax_id": TFN}).json()["tax_id"] == TFN


def test_the_etag_of_a_mask_is_that_of_what_was_read(world, api, kept):
    broker, admin = api(world.ours.broker_user), api(world.admin)
    seen, full = broker.get(url_of(kept))["ETag"], admin.get(url_of(kept))["ETag"]
    assert seen != full
    # Another number with the same mask: who reads the mask learns nothing from the tag.
    Borrower.objects.filter(pk=kept.pk).update(tax_id="876543210")
    assert broker.get(url_of(kept))["ETag"] == seen
    assert admin.get(url_of(kept))["ETag"] != full
