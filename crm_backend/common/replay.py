"""What one socket has been sent of a numbered sequence, each number once and none left out."""

from collections.abc import Awaitable, Callable
from typing import Any

Body = dict[str, Any]
Rows = Callable[[int, int | None], Awaitable[list[tuple[int, Body]]]]
Send = Callable[[int, Body], Awaitable[None]]


class Replay:
    """Sends what is new as it is told, and from the database where the telling had gaps.

    The channel layer may lose or repeat a message; numbering makes that invisible. A repeat is dropped, and a
    gap is filled before going on.

    Args:
        sent: the latest number of the sequence; what comes after it is new.
        rows: the first of the rows beyond a number, up to and including another one (None for no end), in
            order; none when there are no more.
        send: sends one of them.
    """

    def __init__(self, sent: int, rows: Rows, send: Send) -> None:
        # The socket has been sent everything in (replayed_from, sent].
        self.sent = self.replayed_from = sent
        self._rows, self._send = rows, send

    async def take(self, number: int, body: Body) -> None:
        """Something new was told of."""
        if number == self.sent + 1:
            self.sent = number
            await self._send(number, body)
        elif number > self.sent:
            await self.catch_up()

    async def resume(self, number: int) -> None:
        """Send everything after a number that the socket was not sent."""
        if number < self.replayed_from:
            upto, self.replayed_from = self.replayed_from, number
            await self._send_between(number, upto)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Send what came after the last one sent."""
        self.sent = await self._send_between(self.sent, None)

    async def _send_between(self, after: int, upto: int | None) -> int:
        while rows := await self._rows(after, upto):
            for number, body in rows:
                await self._send(number, body)
            after = rows[-1][0]
        return after
