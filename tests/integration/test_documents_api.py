"""Documents over HTTP: uploads, versions, downloads, and who may do what."""

import hashlib

import pytest
from django.test import override_settings

from documents.models import Document, DocumentVersion, StoredFile
from documents.services.reading import version_read
from documents.storage import document_storage
from tests.checks import assert_refused
from tests.documents import makers
from tests.writes import nothing_written
from users.choices import Role

pytestmark = pytest.mark.django_db

LIST = "/api/documents/documents/"


def at(document, rest=""):
    return f"{LIST}{document.pk}/{rest}"


def of(application):
    return f"/api/applications/{application.pk}/documents/"


def send(client, world, content=None, name="offer.pdf", **fields):
    body = {"application": world.ours.application.pk, "file": makers.upload(content, name), **fields}
    return client.post(LIST, body, format="multipart")


def body_of(reply):
    return b"".join(reply.streaming_content)


@pytest.fixture
def document(world):
    return makers.document_of(
        world.ours.application, world.ours.broker_user, title="Offer", visible_to_client=True
    )


# --- adding ---------------------------------------------------------------------------------------


def test_a_file_becomes_a_document(world, api):
    content = makers.pdf("Kalgoorlie")
    reply = send(
        api(world.ours.broker_user),
        world,
        content,
        "../Größe & Preis.PDF",
        kind="valuation",
        title="Farm",
        visible_to_client="true",
    )
    assert reply.status_code == 201
    body = reply.json()
    assert reply["Location"].endswith(f"/api/documents/documents/{body['id']}/")
    assert (body["title"], body["kind"], body["kind_display"]) == ("Farm", "valuation", "Valuation")
    assert body["visible_to_client"] is True
    assert body["duplicates"] == []
    current = body["current"]
    assert current["name"] == "Größe & Preis.PDF"
    assert (current["number"], current["content_type"]) == (1, "application/pdf")
    assert (current["size"], current["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (current["status"], current["pages"]) == ("processing", None)
    stored = StoredFile.objects.get()
    assert b"".join(document_storage().parts(stored.key, 0, stored.size)) == content


def test_the_etag_of_the_reply_is_that_of_the_detail(world, api):
    client = api(world.ours.broker_user)
    made = send(client, world)
    read = client.get(made["Location"])
    assert read["ETag"] == made["ETag"]


def test_without_a_title_it_is_called_like_its_file(world, api):
    assert send(api(world.admin), world, name="March statement.pdf").json()["title"] == "March statement"


def test_the_content_decides_and_not_the_name(world, api):
    body = send(api(world.admin), world, makers.picture("JPEG"), "scan.pdf").json()
    assert (body["current"]["content_type"], body["current"]["name"]) == ("image/jpeg", "scan.pdf.jpg")


def test_documents_of_the_same_content_are_named(world, api):
    first = send(api(world.admin), world, title="First").json()
    hidden = makers.document_of(world.theirs.application, world.theirs.broker_user)
    body = send(api(world.ours.broker_user), world).json()
    assert body["duplicates"] == [
        {"document": first["id"], "title": "First", "application": world.ours.application.pk, "number": 1}
    ]
    seen = {one["document"] for one in send(api(world.admin), world).json()["duplicates"]}
    assert seen == {first["id"], hidden.pk, body["id"]}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(100), 415, "unsupported_file"),
        (makers.archive(), 415, "unsafe_file"),
        (makers.pdf() + makers.archive(), 415, "unsafe_file"),
        (b"<html><script>alert(1)</script></html>", 415, "unsafe_file"),
    ],
    ids=["program", "archive", "polyglot", "page"],
)
def test_what_is_no_document_is_refused(world, api, content, status, code):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = send(client, world, content, "offer.pdf")
    assert_refused(reply, status, code, file=[reply.json()["detail"]])


def test_a_file_that_is_too_large_is_refused(world, api, settings):
    settings.DOCUMENT_MAX_BYTES = 1024 * 1024
    client = api(world.ours.broker_user)
    with nothing_written():
        a_little = send(client, world, makers.pdf() + b" " * 1024 * 1024)
        announced = send(client, world, b"a" * 2 * 1024 * 1024)
    assert_refused(a_little, 413, "file_too_large", file=["At most 1 MB."])
    assert_refused(announced, 413, "file_too_large")


def test_what_is_missing_or_wrong_is_said_by_field(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(
            LIST, {"application": world.theirs.application.pk, "kind": "novel"}, format="multipart"
        )
        empty = send(client, world, b"")
        unknown = send(client, world, colour="red")
        as_json = client.post(LIST, {"title": "x"})
    assert_refused(
        reply,
        400,
        "invalid",
        application=[f'Invalid pk "{world.theirs.application.pk}" - object does not exist.'],
        file=["No file was submitted."],
        kind=['"novel" is not a valid choice.'],
    )
    assert set(empty.json()["errors"]) == {"file"}
    assert set(unknown.json()["errors"]) == {"colour"}
    assert as_json.status_code == 415


def test_a_document_is_added_at_its_application(world, api):
    client = api(world.ours.client_user)
    reply = client.post(
        of(world.ours.application), {"file": makers.upload(), "kind": "income"}, format="multipart"
    )
    assert reply.status_code == 201
    listed = client.get(of(world.ours.application)).json()
    assert [row["id"] for row in listed["results"]] == [reply.json()["id"]]


# --- who sees what --------------------------------------------------------------------------------


def test_clients_see_what_is_marked_for_them_and_what_they_uploaded(world, api, document):
    hidden = makers.document_of(world.ours.application, world.ours.broker_user)
    own = makers.document_of(world.ours.application, world.ours.client_user)
    rows = api(world.ours.client_user).get(LIST).json()["results"]
    assert {row["id"] for row in rows} == {document.pk, own.pk}
    assert api(world.ours.client_user).get(at(hidden, "download/")).status_code == 404
    assert api(world.theirs.broker_user).get(at(document)).status_code == 404
    assert api(world.theirs.broker_user).get(at(document, "download/")).status_code == 404


def test_a_coborrower_does_not_see_what_another_one_uploaded(world, api):
    from applications.models import ApplicationBorrower

    own = makers.document_of(world.ours.application, world.ours.client_user)
    other = world.theirs.borrower
    ApplicationBorrower.objects.create(application=world.ours.application, borrower=other, position=1)
    assert api(world.theirs.client_user).get(at(own, "download/")).status_code == 404


def test_who_may_change_what(world, api):
    clients = makers.document_of(world.ours.application, world.ours.client_user)
    brokers = makers.document_of(world.ours.application, world.ours.broker_user, visible_to_client=True)
    client, broker = api(world.ours.client_user), api(world.ours.broker_user)
    version = {"file": makers.upload()}
    assert client.post(at(brokers, "create-version/"), version, format="multipart").status_code == 403
    version = {"file": makers.upload()}
    assert client.post(at(clients, "create-version/"), version, format="multipart").status_code == 201
    assert client.patch(at(clients), {"title": "Mine"}).status_code == 403
    assert client.delete(at(clients)).status_code == 403
    assert broker.delete(at(clients)).status_code == 403
    assert broker.delete(at(brokers)).status_code == 204
    assert api(world.ours.bd_user).delete(at(clients)).status_code == 204


# --- editing, versions, search --------------------------------------------------------------------


def test_what_is_said_of_a_document_is_edited(world, api, document):
    client = api(world.ours.bd_user)
    etag = client.get(at(document))["ETag"]
    reply = client.patch(at(document), {"title": "Final offer"}, headers={"If-Match": etag})
    assert reply.status_code == 200
    assert reply.json()["title"] == "Final offer"
    assert client.get(LIST, {"search": "final"}).json()["count"] == 1
    stale = client.patch(at(document), {"title": "Another"}, headers={"If-Match": etag})
    assert_refused(stale, 412, "stale_version")


def test_a_new_version_is_current_and_the_old_one_stays(world, api, document):
    client = api(world.ours.broker_user)
    second = makers.pdf("Second")
    body = {"file": makers.upload(second, "offer2.pdf"), "note": "New rate"}
    reply = client.post(at(document, "create-version/"), body, format="multipart")
    assert reply.status_code == 201
    assert (reply.json()["current"]["number"], reply.json()["current"]["note"]) == (2, "New rate")
    listed = client.get(at(document, "versions/")).json()
    assert [(row["number"], row["name"]) for row in listed["results"]] == [
        (2, "offer2.pdf"),
        (1, "offer.pdf"),
    ]
    assert body_of(client.get(at(document, "download/"))) == second
    assert body_of(client.get(at(document, "versions/1/download/"))) == makers.pdf()
    assert client.get(at(document, "versions/3/download/")).status_code == 404


def test_a_version_upon_an_old_reading_is_refused(world, api, document):
    client = api(world.ours.broker_user)
    etag = client.get(at(document))["ETag"]
    for status in (201, 412):
        reply = client.post(
            at(document, "create-version/"),
            {"file": makers.upload()},
            format="multipart",
            headers={"If-Match": etag},
        )
        assert reply.status_code == status
    assert document.versions.count() == 2


def test_documents_are_found_by_their_text(world, api):
    found = makers.document_of(
        world.ours.application, world.admin, makers.pdf("Lot 7, O'Neil Street, Kalgoorlie")
    )
    makers.document_of(world.ours.application, world.admin, makers.pdf("Nothing of the kind"))
    version_read(found.current.pk)
    client = api(world.ours.broker_user)

    def finds(words):
        return [row["id"] for row in client.get(LIST, {"search": words}).json()["results"]]

    for words in ("kalgoor", "KALGOORLIE lot", "O'Neil", "O’Neil", '"neil street"', "7"):
        assert finds(words) == [found.pk], words
    for words in ("goorlie", '"street neil"', "a:*|b", "\\", "'", "!kalgoorlie & x", "<->"):
        assert finds(words) == [], words
    assert api(world.theirs.broker_user).get(LIST, {"search": "kalgoorlie"}).json()["count"] == 0


def test_filters(world, api, document):
    client = api(world.admin)
    other = makers.document_of(world.theirs.application, world.admin, kind="tax")

    def ids(**query):
        return [row["id"] for row in client.get(LIST, query).json()["results"]]

    assert ids(kind="tax") == [other.pk]
    assert ids(application=world.ours.application.pk) == [document.pk]
    assert ids(visible_to_client="true") == [document.pk]
    assert ids(date_to="2020-01-01") == []
    assert ids(ordering="created_at") == [document.pk, other.pk]


# --- reading --------------------------------------------------------------------------------------


def test_what_a_worker_finds_is_shown(world, api, document):
    version_read(document.current.pk)
    client = api(world.ours.client_user)
    current = client.get(at(document)).json()["current"]
    assert (current["status"], current["pages"], current["has_thumbnail"]) == ("ready", 1, True)
    picture = client.get(at(document, "thumbnail/"))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/webp")
    assert picture.content[8:12] == b"WEBP"
    again = client.get(at(document, "thumbnail/"), headers={"If-None-Match": picture["ETag"]})
    assert again.status_code == 304


def test_a_thumbnail_that_is_not_there_is_missing(world, api, document):
    assert api(world.admin).get(at(document, "thumbnail/")).status_code == 404


def test_a_damaged_file_is_kept_and_said_to_be(world, api):
    content = b"%PDF-1.4\nnothing\n%%EOF\n"
    document = makers.document_of(world.ours.application, world.admin, content)
    version_read(document.current.pk)
    current = api(world.admin).get(at(document)).json()["current"]
    assert (current["status"], current["problem"]) == ("ready", "This PDF is damaged.")
    assert body_of(api(world.admin).get(at(document, "download/"))) == content


# --- downloads ------------------------------------------------------------------------------------


def test_a_download_says_what_it_is(world, api):
    content = makers.pdf()
    document = makers.document_of(world.ours.application, world.admin, content, name='Ver "2" – Größe.pdf')
    reply = api(world.admin).get(at(document, "download/"), headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert body_of(reply) == content
    assert reply["Content-Type"] == "application/pdf"
    assert reply["Content-Length"] == str(len(content))
    assert reply["Content-Disposition"] == (
        "attachment; filename*=utf-8''Ver%202%20%E2%80%93%20Gr%C3%B6%C3%9Fe.pdf"
    )
    assert reply["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert reply["Accept-Ranges"] == "bytes"
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply["Cache-Control"] == "private, no-cache"


def test_a_download_is_never_packed(world, api, document):
    reply = api(world.admin).get(at(document, "download/"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in reply
    assert body_of(reply) == makers.pdf()


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=10-999999", slice(10, None)),
        ("bytes=-999999", slice(0, None)),
    ],
)
def test_a_range_is_served(world, api, document, asked, part):
    content = makers.pdf()
    reply = api(world.admin).get(at(document, "download/"), headers={"Range": asked})
    assert reply.status_code == 206
    assert body_of(reply) == content[part]
    start, stop, _ = part.indices(len(content))
    assert reply["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert reply["Content-Length"] == str(stop - start)


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=" + "9" * 5000 + "-"],
    ids=["backwards", "empty", "letters", "unit", "several", "endless"],
)
def test_what_is_no_single_range_gets_the_whole(world, api, document, asked):
    reply = api(world.admin).get(at(document, "download/"), headers={"Range": asked})
    assert reply.status_code == 200
    assert body_of(reply) == makers.pdf()


@pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(world, api, document, asked):
    reply = api(world.admin).get(at(document, "download/"), headers={"Range": asked})
    assert_refused(reply, 416, "range_not_satisfiable")
    assert reply["Content-Range"] == f"bytes */{len(makers.pdf())}"


def test_conditions(world, api, document):
    client = api(world.admin)
    address = at(document, "download/")
    reply = client.get(address)
    body_of(reply)
    etag, modified = reply["ETag"], reply["Last-Modified"]

    def status(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = client.get(address, headers=named)
        if found.streaming:
            body_of(found)
        return found.status_code

    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match=f'"other", W/{etag}') == 304
    assert status(If_None_Match='"other"') == 200
    assert status(If_Modified_Since=modified) == 304
    assert status(If_None_Match='"other"', If_Modified_Since=modified) == 200
    assert status(Range="bytes=0-1", If_Range=etag) == 206
    assert status(Range="bytes=0-1", If_Range=modified) == 206
    assert status(Range="bytes=0-1", If_Range=f"W/{etag}") == 200
    assert status(Range="bytes=0-1", If_Range='"other"') == 200


def test_head_has_no_body(world, api, document):
    reply = api(world.admin).head(at(document, "download/"))
    assert (reply.status_code, body_of(reply)) == (200, b"")
    assert reply["Content-Length"] == str(len(makers.pdf()))


# --- the end --------------------------------------------------------------------------------------


def test_a_deleted_document_is_gone(world, api, document, django_capture_on_commit_callbacks):
    key = document.current.file.key
    with django_capture_on_commit_callbacks(execute=True):
        assert api(world.admin).delete(at(document)).status_code == 204
    assert not Document.objects.exists()
    assert not DocumentVersion.objects.exists()
    assert not document_storage().exists(key)


def test_every_role_sees_documents_of_its_applications(world, api, document):
    for role in Role.values:
        assert api(world.user(role)).get(at(document)).status_code == 200


@override_settings(DOCUMENT_FORMATS=["pdf"])
def test_the_installation_says_which_formats_there_are(world, api):
    reply = send(api(world.admin), world, makers.picture())
    detail = "The content of this file is of no accepted format. Send one of these: pdf."
    assert_refused(reply, 415, "unsupported_file", file=[detail])
