"""Why a file is not kept."""


class UnknownFormat(Exception):
    """The content is of no format that is accepted."""


class UnsafeContent(Exception):
    """The file could act by itself, or is two formats at once."""


class Unreadable(Exception):
    """The file is damaged, or closed with a password; the message says so to people."""
