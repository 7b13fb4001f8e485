"""Many messages to groups of the channel layer, in one round trip: a socket cannot tell the difference."""

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from crm_backend.common import pushes
from crm_backend.common.pushes import send_to_groups


async def test_messages_arrive_at_their_groups_in_order_as_channels_own_do(monkeypatch):
    monkeypatch.setattr(pushes, "AT_ONCE", 3)
    layer = get_channel_layer()
    channels = [await layer.new_channel() for _ in range(2)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"pushed.{number}", channel)
    messages = [(f"pushed.{n % 2}", {"type": "some.thing", "n": n, "text": "é"}) for n in range(8)]
    await sync_to_async(send_to_groups)(messages)
    for number, channel in enumerate(channels):
        await layer.group_send(f"pushed.{number}", {"type": "last"})
        found = [await layer.receive(channel) for _ in range(5)]
        expected = [message for group, message in messages if group == f"pushed.{number}"]
        assert found == [*expected, {"type": "last"}]
    await layer.flush()


def test_a_redis_that_is_away_is_not_passed_over(monkeypatch):
    def broken():
        raise RedisError("away")

    monkeypatch.setattr(pushes, "redis_client", broken)
    with pytest.raises(RedisError):
        send_to_groups([("pushed.0", {"type": "some.thing"})])
