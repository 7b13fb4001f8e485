"""A real SMTP server that answers as it is told, on the loopback."""

import asyncio
import email
import email.policy
import socket
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from django.test import override_settings


class Post:
    """Takes mail, except from those to whom `answers` gives another answer.

    Attributes:
        answers: by address, what its RCPT is answered with; `"cut"` ends the connection instead.
        after_data: by address, what the message itself is answered with; `"cut"` as above.
        taken: the messages that were taken, by address.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.after_data: dict[str, str] = {}
        self.taken: dict[str, list[EmailMessage]] = defaultdict(list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.answers.get(address)
        if answer == "cut":
            return await cut(server)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        for address in envelope.rcpt_tos:
            self.taken[address].append(
                email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[arg-type]
            )
            answer = self.after_data.get(address)
            if answer == "cut":
                return await cut(server)
            if answer:
                self.taken[address].pop()
                return answer
        return "250 OK"


async def cut(server: Any) -> str:
    """End the connection without an answer."""
    server.transport.abort()
    await asyncio.sleep(0)
    return "421 Gone"


@contextmanager
def post_office() -> Iterator[Post]:
    """The server, and mail settings that lead to it."""
    post = Post()
    port = free_port()
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with mail_to(port):
            yield post
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def mail_to(port: int) -> Any:
    """Mail settings that lead to a port of this machine."""
    return override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_HOST_USER="",
        EMAIL_HOST_PASSWORD="",
        EMAIL_USE_TLS=False,
        EMAIL_USE_SSL=False,
        EMAIL_TIMEOUT=5,
    )
