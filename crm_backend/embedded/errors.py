"""What can go wrong with the embedded servers, in words for the person at the terminal."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """A server cannot be started or stopped; the message says what to do about it."""


class ServersInUseError(EmbeddedServerError):
    """Another living process uses the servers of this folder."""
