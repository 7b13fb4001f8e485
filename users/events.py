"""What happens to users."""

from events.registry import Notify, Payload


class UserRegistered(Payload):
    """Someone made an account for themselves."""

    type = "user.registered"
    summary = "{name} registered as {role}."
    notify = Notify(
        "system",
        "New registration: {name}",
        "{name} registered as {role} and is {status}.",
        to="the administrators",
    )

    name: str
    role: str
    status: str


class UserCreated(Payload):
    """An administrator made an account."""

    type = "user.created"
    summary = "Account of {name} created as {role}."
    silent = "the administrator who made it hands it over"

    name: str
    role: str


class UserUpdated(Payload):
    """An account or profile was edited; the names of the fields, not their values."""

    type = "user.updated"
    summary = "Account changed: {field_names}."
    silent = "an address that changed has an event of its own"

    field_names: str


class EmailChanged(Payload):
    """The address that one logs in with was changed and is unproven; the old one is told by mail."""

    type = "user.email_changed"
    summary = "E-mail address changed; it was {previous}."
    notify = Notify(
        "system",
        "Your e-mail address was changed",
        "You log in with the new address now. Tell an administrator if you do not know of this.",
        to="the user",
    )

    previous: str


class UserDeleted(Payload):
    """An account that nothing referred to was deleted."""

    type = "user.deleted"
    summary = "Account of {name} deleted."
    silent = "nobody is left to be told"

    name: str


class UserApproved(Payload):
    """A waiting account may now log in."""

    type = "user.approved"
    summary = "Account approved."
    notify = Notify(
        "system",
        "Your account is approved",
        "You can log in now.",
        to="the user",
    )


class UserActivated(Payload):
    """A suspended account may log in again."""

    type = "user.activated"
    summary = "Account activated."
    notify = Notify(
        "system",
        "Your account is active again",
        "You can log in again.",
        to="the user",
    )


class UserSuspended(Payload):
    """An account was closed; all its sessions ended."""

    type = "user.suspended"
    summary = "Account suspended."
    silent = "whoever cannot log in cannot read it"


class LoggedIn(Payload):
    """A session was opened."""

    type = "user.logged_in"
    summary = "Logged in."
    silent = "it is the user's own doing"

    session_id: str


class LoggedOut(Payload):
    """One session ended."""

    type = "user.logged_out"
    summary = "Logged out."
    silent = "it is the user's own doing, which their sockets follow"

    session_id: str


class LoggedOutEverywhere(Payload):
    """All sessions of a user ended; `reason` says why."""

    type = "user.logged_out_everywhere"
    summary = "Logged out everywhere ({reason})."
    silent = "what led to it has an event of its own"

    reason: str


class RefreshTokenReused(Payload):
    """A refresh token came back after it was used: perhaps stolen, so its session ended."""

    type = "user.refresh_token_reused"
    summary = "A used refresh token came back; its session was ended."
    notify = Notify(
        "system",
        "A login was ended for safety",
        "A login token of yours was used twice, as a stolen one would be. That login was ended; "
        "change your password if this was not you.",
        to="the user",
    )

    session_id: str


class PasswordChanged(Payload):
    """A password was changed by its owner or by a reset; all other sessions ended."""

    type = "user.password_changed"
    summary = "Password changed."
    notify = Notify(
        "system",
        "Your password was changed",
        "If this was not you, reset it and tell us.",
        to="the user",
    )

    by_reset: bool


class PasswordResetRequested(Payload):
    """A reset link is to be mailed. The link is made when it is sent, never stored."""

    type = "user.password_reset_requested"
    summary = "Password reset requested."
    silent = "account mail carries the link"


class ApiKeyCreated(Payload):
    """A key was made, with which programs act as its owner."""

    type = "api_key.created"
    summary = "API key {label} created."
    notify = Notify(
        "system",
        "An API key of yours was made",
        "{label} acts as you. Tell an administrator if you do not know of it.",
        to="the key's owner",
    )

    label: str
    prefix: str


class ApiKeyUpdated(Payload):
    """A key's name, scopes, limit or end was changed; the names of the fields, not their values."""

    type = "api_key.updated"
    summary = "API key {label} changed: {field_names}."
    silent = "nothing that its owner relies on ends by it"

    label: str
    prefix: str
    field_names: str


class ApiKeyRotated(Payload):
    """A key got a new secret; the old one ends at `previous_until`, empty when it ended at once."""

    type = "api_key.rotated"
    summary = "API key {label} got a new secret."
    notify = Notify(
        "system",
        "An API key of yours was renewed",
        "{label} has a new secret.",
        to="the key's owner",
    )

    label: str
    prefix: str
    previous_until: str


class ApiKeyRevoked(Payload):
    """A key was deleted; what used it is refused at once."""

    type = "api_key.revoked"
    summary = "API key {label} revoked."
    notify = Notify(
        "system",
        "An API key of yours was revoked",
        "{label} does not work any more.",
        to="the key's owner",
    )

    label: str
    prefix: str
