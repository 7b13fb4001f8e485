"""What happens to users."""

from events.registry import Notify, Payload


class UserRegistered(Payload):
    """Someone made an account for themselves."""

    type = "user.registered"
    summary = "{name} registered as {role}."
    notify = Notify("system", "New registration: {name}", "{name} registered as {role} and is {status}.")

    name: str
    role: str
    status: str


class UserCreated(Payload):
    """An administrator made an account."""

    type = "user.created"
    summary = "Account of {name} created as {role}."

    name: str
    role: str


class UserUpdated(Payload):
    """An account or profile was edited; the names of the fields, not their values."""

    type = "user.updated"
    summary = "Account changed: {field_names}."

    field_names: str


class UserDeleted(Payload):
    """An account that nothing referred to was deleted."""

    type = "user.deleted"
    summary = "Account of {name} deleted."

    name: str


class UserApproved(Payload):
    """A waiting account may now log in."""

    type = "user.approved"
    summary = "Account approved."
    notify = Notify("system", "Your account is approved", "You can log in now.")


class UserActivated(Payload):
    """A suspended account may log in again."""

    type = "user.activated"
    summary = "Account activated."
    notify = Notify("system", "Your account is active again", "You can log in again.")


class UserSuspended(Payload):
    """An account was closed; all its sessions ended."""

    type = "user.suspended"
    summary = "Account suspended."


class LoggedIn(Payload):
    """A session was opened."""

    type = "user.logged_in"
    summary = "Logged in."

    session_id: str


class LoggedOut(Payload):
    """One session ended."""

    type = "user.logged_out"
    summary = "Logged out."

    session_id: str


class LoggedOutEverywhere(Payload):
    """All sessions of a user ended; `reason` says why."""

    type = "user.logged_out_everywhere"
    summary = "Logged out everywhere ({reason})."

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
    )

    session_id: str


class PasswordChanged(Payload):
    """A password was changed by its owner or by a reset; all other sessions ended."""

    type = "user.password_changed"
    summary = "Password changed."
    notify = Notify("system", "Your password was changed", "If this was not you, reset it and tell us.")

    by_reset: bool


class PasswordResetRequested(Payload):
    """A reset link is to be mailed. The link is made when it is sent, never stored."""

    type = "user.password_reset_requested"
    summary = "Password reset requested."
