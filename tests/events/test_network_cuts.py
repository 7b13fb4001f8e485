"""Networks that break in the middle, and logins that end: what open sockets of real servers do."""

import json
import time
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import ConnectionClosed

from events.dispatcher import dispatch_pending
from tests.clients import PASSWORD
from tests.events.test_bounds import missed_notifications
from tests.events.test_faults import change_stage
from tests.followers import Follower, check_followed
from tests.processes import Web, wait_for
from tests.proxies import Proxy
from tests.tabs import Tab, broker_token, open_tab, processes, start

__all__ = ["broker_token", "change_stage", "open_tab", "processes", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

MISSED, BODY = 300, "x" * 2_000


def close_code(tab: Tab) -> int:
    """Read to the end; what the server said when it closed."""
    with pytest.raises(ConnectionClosed) as closed:
        tab.until_closed()
    assert closed.value.rcvd is not None, "cut without a word"
    return closed.value.rcvd.code


def test_a_resume_that_is_cut_again_and_again_ends_exact(start, world, change_stage, broker_token):
    missed_notifications(world.ours.broker_user, MISSED, BODY)
    # In the handshake, in the greeting, twice in the middle of what was missed.
    with (
        Proxy(start(Web).port, allowances=(40, 300, 150_000, 250_000)) as proxy,
        Follower(broker_token, proxy.socket_url) as follower,
    ):
        wait_for(lambda: proxy.cuts >= 3, what="cuts")
        change_stage()
        dispatch_pending()
        wait_for(lambda: follower.shown == MISSED + 1, what="everything is shown")
        change_stage()
        dispatch_pending()
        wait_for(lambda: follower.shown == MISSED + 2, what="what came live")
    assert proxy.cuts == 4
    check_followed(follower, MISSED + 2)
    brought = [len(numbers) for _, numbers in follower.connections if numbers]
    assert len(brought) == 3, "the cuts were not in the middle"


def test_who_left_a_network_that_fell_silent_misses_nothing(start, change_stage, open_tab):
    web = start(Web)
    with Proxy(web.port) as proxy:
        tab = open_tab(proxy)
        change_stage()
        dispatch_pending()
        assert tab.next("notification")["seq"] == 1
        proxy.stall()
        change_stage()
        change_stage()
        dispatch_pending()
        again = open_tab(web)
        assert again.last_seq == 3
        again.send({"type": "resume", "last_seq": 1})
        assert again.seqs() == [2, 3]
        change_stage()
        dispatch_pending()
        assert again.next("notification")["seq"] == 4


def test_what_ends_a_login_closes_its_sockets_at_all_servers_at_once(start, world, api, open_tab):
    ours = world.ours
    clients = {user: [api(user), api(user)] for user in (ours.broker_user, ours.client_user, ours.bd_user)}
    stranger = api(world.theirs.broker_user)
    admin = api(world.admin)
    dispatch_pending()
    servers = [start(Web), start(Web)]

    def opened(client: Any) -> list[Tab]:
        return [open_tab(web, client.tokens.access) for web in servers]

    tabs = {user: [*opened(one), *opened(two)] for user, (one, two) in clients.items()}
    others = opened(stranger)

    def ends(user: Any, reply: Any) -> None:
        assert reply.status_code == 200
        dispatch_pending()
        assert [close_code(tab) for tab in tabs.pop(user)] == [4401] * 4
        for tab in [*chain(*tabs.values()), *others]:
            assert tab.seqs() == []

    ends(ours.bd_user, admin.post(f"/api/users/users/{ours.bd_user.pk}/suspend/"))
    password = {"current_password": PASSWORD, "new_password": "another battery of staple horses"}
    ends(
        ours.broker_user,
        clients[ours.broker_user][0].post("/api/auth/password/change/", password),
    )
    ends(ours.client_user, clients[ours.client_user][0].post("/api/auth/logout-all/"))


def test_a_token_that_expires_ends_its_sockets_at_all_servers(start, world, api, open_tab):
    servers = [start(Web), start(Web)]
    access = api(world.ours.broker_user).tokens.access
    dispatch_pending()
    brief = AccessToken(access)
    brief.set_exp(lifetime=timedelta(seconds=6))
    lasting = [open_tab(web, access) for web in servers]
    for tab in [open_tab(web, str(brief)) for web in servers]:
        assert close_code(tab) == 4401
    for tab in lasting:
        assert tab.seqs() == []


def test_sockets_that_say_nothing_are_closed_and_others_stay(start, open_tab):
    haste = {"HASTE": json.dumps({"users.websocket.HEARTBEAT_DEADLINE": 3.0})}
    web = start(Web, server="hasty", variables=haste)
    silent, talking = open_tab(web), open_tab(web)

    def is_closed() -> bool:
        assert talking.seqs() == []
        try:
            silent.socket.recv(timeout=1)
        except TimeoutError:
            return False
        except ConnectionClosed:
            return True
        raise AssertionError("the silent one was told something")

    wait_for(is_closed, what="the silent one is closed")
    assert close_code(silent) == 4408
    assert talking.seqs() == []


def test_a_client_that_a_network_holds_up_for_a_while_is_not_cut(processes, start, open_tab):
    """It is asked whether it is there again and again, and answers the first time only after the second."""
    web = start(Web, server="pinging")
    network = processes.enter_context(Proxy(web.port))
    tab = open_tab(network)
    network.stall()
    time.sleep(5)
    network.flow()
    time.sleep(6)
    assert tab.seqs() == []


def test_a_client_that_answers_no_ping_is_cut(processes, start, open_tab):
    web = start(Web, server="pinging")
    network = processes.enter_context(Proxy(web.port))
    tab = open_tab(network)
    network.stall()
    wait_for(lambda: "no_pong" in web.log.read_text(), seconds=20, what="the server gives it up")
    network.flow()
    with pytest.raises(ConnectionClosed):
        tab.until_closed()
