"""One application from registration to a notification read, over HTTP and WebSocket together."""

import pytest

from events.dispatcher import dispatch_pending
from tests.clients import ApiClient
from tests.factories import BdmFactory, UserFactory
from tests.sockets import socket
from tests.threads import in_thread

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]

PASSWORD = "nine green bottles on a wall"


@pytest.fixture
def bdm():
    return BdmFactory.create()


@pytest.fixture
def admin(db):
    return ApiClient(UserFactory.create(role="admin"))


class Caller:
    """A person with a browser, who registers and logs in like anybody."""

    def __init__(self) -> None:
        self.api = ApiClient()

    async def does(self, method, address, body=None, *, status=200):
        reply = await in_thread(getattr(self.api, method), address, body)
        assert reply.status_code == status, reply.content
        return reply.json()

    async def registers(self, email, role):
        body = {"email": email, "password": PASSWORD, "first_name": "Pat", "last_name": role, "role": role}
        return (await self.does("post", "/api/auth/register/", body, status=201))["user"]

    async def logs_in(self, email, *, status=200):
        body = {"email": email, "password": PASSWORD}
        reply = await self.does("post", "/api/auth/login/", body, status=status)
        if status == 200:
            self.access = reply["access"]
            self.api.use(self.access)
        return reply


async def test_from_registration_to_a_notification_that_is_read(admin, bdm):
    boss = Caller()
    boss.api = admin
    client, broker = Caller(), Caller()

    # Both register; the client may come in at once, the broker waits for the administrator.
    client_user = await client.registers("client@example.com", "client")
    await client.logs_in("client@example.com")
    broker_user = await broker.registers("broker@example.com", "broker")
    refused = await broker.logs_in("broker@example.com", status=403)
    assert refused["code"] == "account_pending"
    approved = await boss.does("post", f"/api/users/users/{broker_user['id']}/approve/")
    assert approved["status"] == "active"
    await broker.logs_in("broker@example.com")
    body = {
        "user": broker_user["id"],
        "branch": bdm.branch_id,
        "first_name": "Pat",
        "last_name": "Broker",
        "email": "broker@example.com",
    }
    profile = await boss.does("post", "/api/brokers/", body, status=201)

    # The broker brings a borrower, whom the administrator ties to the client's login.
    borrower = await broker.does(
        "post", "/api/borrowers/", {"first_name": "Pat", "last_name": "Client"}, status=201
    )
    await boss.does("patch", f"/api/borrowers/{borrower['id']}/", {"user": client_user["id"]})
    body = {
        "loan_amount": "450000",
        "loan_term": 360,
        "interest_rate": "6.25",
        "bd": bdm.pk,
        "borrowers": [borrower["id"]],
    }
    made = await broker.does("post", "/api/applications/", body, status=201)
    address = f"/api/applications/{made['id']}/"

    # What was made is there for everyone concerned, when asked again.
    for person in (boss, broker, client):
        shown = await person.does("get", address)
        assert shown["broker"] == {"id": profile["id"], "name": "Pat Broker"}
        assert shown["bd"]["id"] == bdm.pk
        assert shown["branch"]["id"] == bdm.branch_id
        assert [party["id"] for party in shown["borrowers"]] == [borrower["id"]]
        assert shown["reference_number"] == made["reference_number"]
    listed = await client.does("get", f"/api/borrowers/{borrower['id']}/applications/")
    assert [row["id"] for row in listed["results"]] == [made["id"]]

    # A note is on the timeline of all whom it is for.
    await broker.does("post", f"{address}notes/", {"text": "Hello.", "visibility": "client"}, status=201)
    timeline = await client.does("get", f"{address}timeline/")
    assert [entry["type"] for entry in timeline["results"]] == ["note.added", "application.created"]
    assert timeline["results"][0]["summary"] == "Pat broker added a note."

    # Two tabs of the broker are open while the application moves.
    await in_thread(dispatch_pending)
    async with socket(bearer=broker.access) as tab, socket(bearer=broker.access) as other:
        greeting = await tab.greeted()
        assert (await other.greeted()) == greeting
        assert (greeting["last_seq"], greeting["unread"]) == (1, 1), "told of the approval"
        await boss.does("put", f"{address}stage/", {"stage": "sent_to_lender"})
        await in_thread(dispatch_pending)
        for each in (tab, other):
            pushed, count = await each.next(), await each.next()
            assert (pushed["type"], pushed["seq"]) == ("notification", 2)
            assert pushed["notification"]["title"] == f"{made['reference_number']}: Sent to lender"
            assert count == {"type": "unread_count", "count": 2}

        await tab.send({"type": "mark_read", "ids": [pushed["notification"]["id"]]})
        assert await tab.flush() == []
        await in_thread(dispatch_pending)
        for each in (tab, other):
            assert await each.flush() == [
                {"type": "notification_read", "ids": [pushed["notification"]["id"]]},
                {"type": "unread_count", "count": 1},
            ]
    assert await broker.does("get", "/api/users/notifications/unread-count/") == {"unread_count": 1}
    read = await broker.does("get", f"/api/users/notifications/{pushed['notification']['id']}/")
    assert read["is_read"] is True

    # The move is on record.
    history = await client.does("get", f"{address}stage-history/")
    assert [(move["from_stage"], move["to_stage"]) for move in history["results"]] == [
        ("", "inquiry"),
        ("inquiry", "sent_to_lender"),
    ]
    assert (await client.does("get", address))["stage"] == "sent_to_lender"
