"""Telling groups of the channel layer from code that is not asynchronous: many messages in one round trip.

Channels' own `group_send` waits for Redis after each message, and needs an event loop, which would have to
be made, with a connection of its own, for each delivery. This publishes the same bytes under the same names,
over the connections that the cache keeps.
"""

from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from crm_backend.common.counters import redis_client

# Messages to a round trip: what Redis has to answer is kept in memory until then, on both sides.
AT_ONCE = 500


def send_to_groups(messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Tell each group its messages, in their order.

    Raises:
        redis.RedisError: some may not have been told.
    """
    layer = get_channel_layer()
    assert layer is not None
    config: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    with redis_client().pipeline(transaction=False) as pipeline:
        for first in range(0, len(messages), AT_ONCE):
            for group, message in messages[first : first + AT_ONCE]:
                pipeline.publish(f"{config['prefix']}__group__{group}", layer.serialize(message))
            pipeline.execute()
