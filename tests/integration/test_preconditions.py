"""ETags: 304, 412, and of two edits with one tag the second is refused."""

import gzip

import orjson
import pytest

from applications.models import Application
from events.models import Event
from tests.factories import NoteFactory
from tests.threads import statuses, together
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


@pytest.fixture
def details(world):
    """One detail address of every resource that has an ETag and can be edited, and an edit."""
    ours = world.ours
    return {
        f"/api/applications/{ours.application.pk}/": {"purpose": "Another."},
        f"/api/applications/{ours.application.pk}/securities/{ours.security.pk}/": {"value": "1.00"},
        f"/api/borrowers/{ours.borrower.pk}/": {"email": "new@example.com"},
        f"/api/guarantors/{ours.guarantor.pk}/": {"email": "new@example.com"},
        f"/api/brokers/{ours.broker.pk}/": {"email": "new@example.com"},
        f"/api/brokers/branches/{ours.branch.pk}/": {"city": "Dubbo"},
        f"/api/brokers/bdms/{ours.bdm.pk}/": {"job_title": "Head"},
        f"/api/users/users/{ours.client_user.pk}/": {"first_name": "Ulla"},
    }


def test_a_detail_that_the_caller_has_is_304_without_a_body(admin, details):
    for address in details:
        tag = admin.get(address)["ETag"]
        for sent in (tag, f"W/{tag}", f'"other", {tag}'):
            reply = admin.get(address, headers={"If-None-Match": sent})
            assert (reply.status_code, reply.content, reply["ETag"]) == (304, b"", tag), address
        assert admin.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_edit_with_the_present_tag_is_made_and_replies_with_the_next(admin, details):
    for address, edit in details.items():
        tag = admin.get(address)["ETag"]
        reply = admin.patch(address, edit, headers={"If-Match": tag})
        assert reply.status_code == 200, address
        assert reply["ETag"] != tag
        assert admin.get(address)["ETag"] == reply["ETag"]


def test_an_edit_with_an_old_tag_is_412_and_writes_nothing(admin, details):
    for address, edit in details.items():
        tag = admin.get(address)["ETag"]
        assert admin.patch(address, edit).status_code == 200
        with nothing_written():
            for method, body in ((admin.patch, edit), (admin.put, edit), (admin.delete, None)):
                reply = method(address, body, headers={"If-Match": tag})
                assert reply.status_code == 412, address
                assert reply.json()["code"] == "stale_version"


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}', "*"])
def test_every_spelling_of_the_present_tag_is_honoured(world, admin, wrap):
    address = f"/api/applications/{world.ours.application.pk}/"
    tag = admin.get(address)["ETag"]
    reply = admin.patch(address, {"purpose": "Another."}, headers={"If-Match": wrap.format(tag)})
    assert reply.status_code == 200


def test_a_compressed_reply_has_the_weak_tag_and_it_is_honoured(world, admin):
    address = f"/api/applications/{world.ours.application.pk}/"
    plain = admin.get(address)
    packed = admin.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert packed["ETag"] == f"W/{plain['ETag']}"
    assert orjson.loads(gzip.decompress(packed.content)) == plain.json()
    again = admin.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]})
    assert again.status_code == 304
    edit = admin.patch(address, {"purpose": "Another."}, headers={"If-Match": packed["ETag"]})
    assert edit.status_code == 200


def test_a_nested_change_changes_the_tag(world, api):
    reader, broker = api(world.admin), api(world.ours.broker_user)
    base = f"/api/applications/{world.ours.application.pk}/"
    seen = {reader.get(base)["ETag"]}
    for number, act in enumerate(
        [
            lambda: broker.patch(f"/api/borrowers/{world.ours.borrower.pk}/", {"last_name": "Other"}),
            lambda: broker.patch(f"{base}securities/{world.ours.security.pk}/", {"value": "5.00"}),
            lambda: broker.put(f"{base}guarantors/", {"guarantors": [world.ours.guarantor.pk]}),
            lambda: reader.patch(f"/api/brokers/{world.ours.broker.pk}/", {"last_name": "Other"}),
        ],
        start=2,
    ):
        assert act().status_code == 200
        seen.add(reader.get(base)["ETag"])
        assert len(seen) == number
    NoteFactory.create(application=world.ours.application, author=world.admin)
    assert reader.get(base)["ETag"] in seen, "a note is no part of it"


def test_setting_parties_honours_the_tag(world, admin):
    base = f"/api/applications/{world.ours.application.pk}/"
    tag = admin.get(base)["ETag"]
    body = {"guarantors": [world.ours.guarantor.pk]}
    assert admin.put(f"{base}guarantors/", body, headers={"If-Match": tag}).status_code == 200
    with nothing_written():
        assert admin.put(f"{base}guarantors/", body, headers={"If-Match": tag}).status_code == 412


def test_a_tag_of_one_role_is_not_required_of_another(world, api):
    """Representations differ by role (where one may move it), so each role has its own tag."""
    base = f"/api/applications/{world.ours.application.pk}/"
    tags = {api(world.user(role)).get(base)["ETag"] for role in ("admin", "broker")}
    assert len(tags) == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_edits_with_one_tag_the_second_is_refused(world, api):
    one, two = api(world.admin), api(world.admin)
    address = f"/api/applications/{world.ours.application.pk}/"
    tag = one.get(address)["ETag"]
    replies = together(
        lambda: one.patch(address, {"purpose": "One."}, headers={"If-Match": tag}),
        lambda: two.patch(address, {"purpose": "Two."}, headers={"If-Match": tag}),
    )
    assert statuses(replies) == [200, 412]
    won = next(reply for reply in replies if reply.status_code == 200)
    assert Application.objects.get(pk=world.ours.application.pk).purpose == won.json()["purpose"]
    assert Event.objects.filter(type="application.updated").count() == 1
