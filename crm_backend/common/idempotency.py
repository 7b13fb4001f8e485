"""`Idempotency-Key`: a POST that is sent again is answered again, and done once.

After the IETF's draft-ietf-httpapi-idempotency-key-header. The reply is kept in the transaction of the write,
so after a crash either both are there or neither. An advisory lock of the same transaction says that a
request is under way; it goes with the connection, so there is nothing to clean up after a killed server.

Only what succeeded is kept: a refusal has written nothing, and may be repeated under its key, corrected too.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.credentials import Credential
from crm_backend.common.encryption import keyring, plain
from crm_backend.common.errors import Conflict, DomainError, InvalidInput
from crm_backend.common.models import IdempotencyKey
from crm_backend.common.renderers import ORJSONRenderer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
# A string of RFC 8941, as the draft has it, or the bare value, as most clients send it.
QUOTED = r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"'
BARE = r"[!#-+\--:<-\[\]-~]{1,255}"
_ESCAPED = re.compile(r'\\(["\\])')
_KEPT_HEADERS = ("ETag", "Location")
_PURPOSE = "idempotency"

Action = TypeVar("Action", bound=Callable[..., Any])


class IdempotencyKeyInvalid(InvalidInput):
    """The `Idempotency-Key` is none."""

    code = "idempotency_key_invalid"
    title = "Invalid idempotency key"
    default_detail = "An Idempotency-Key is 1 to 255 visible ASCII characters, such as a UUID."


class IdempotencyKeyMissing(InvalidInput):
    """The operation is only done under an `Idempotency-Key`."""

    code = "idempotency_key_missing"
    title = "Idempotency key missing"
    default_detail = "Send an Idempotency-Key with this request, so that it can be repeated safely."


class IdempotencyKeyInFlight(Conflict):
    """A request with the same `Idempotency-Key` is being worked on."""

    code = "idempotency_key_in_flight"
    title = "Request under way"
    default_detail = "A request with this Idempotency-Key is under way. Repeat yours when it has ended."


class IdempotencyKeyReused(DomainError):
    """The `Idempotency-Key` was used for another request."""

    status: ClassVar[int] = 422
    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    default_detail = "This Idempotency-Key was used for a request with another body. Use a new one."


def idempotent(*, required: bool = False) -> Callable[[Action], Action]:
    """Let an action of a view be repeated under an `Idempotency-Key`, or demand that it can be.

    Under a key the action runs inside one transaction, with the reply that is kept.
    """

    def declare(action: Action) -> Action:
        @wraps(action)
        def under_key(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            key = _key_of(request)
            if key is None:
                if required:
                    raise IdempotencyKeyMissing()
                return action(view, request, *args, **kwargs)
            return _once(view, request, key, lambda: action(view, request, *args, **kwargs))

        under_key.idempotency = "required" if required else "optional"  # type: ignore[attr-defined]
        return under_key  # type: ignore[return-value]

    return declare


def refusals(idempotency: str) -> tuple[type[DomainError], ...]:
    """What an operation with keys can refuse beyond its own errors, for the document."""
    missing = (IdempotencyKeyMissing,) if idempotency == "required" else ()
    return (IdempotencyKeyInvalid, *missing, IdempotencyKeyInFlight, IdempotencyKeyReused)


def _once(view: Any, request: Request, key: str, act: Callable[[], Response]) -> Response:
    """Answer from what is kept, or act and keep the reply.

    Raises:
        IdempotencyKeyInFlight: another request with the key has not ended.
        IdempotencyKeyReused: it was used with another body.
    """
    owner, route = _owner_of(request), f"{request.method} {request.path_info}"
    body = _text_of(request)
    with transaction.atomic():
        if not _lock(owner, route, key):
            raise IdempotencyKeyInFlight()
        kept = IdempotencyKey.objects.living().filter(owner=owner, route=route, key=key).first()
        if kept is not None:
            if kept.fingerprint not in keyring().fingerprints(body, _PURPOSE):
                raise IdempotencyKeyReused()
            # Who has lost sight of the row since then is told nothing of it.
            view.check_visible()
            return _replay(kept)
        response = act()
        if response.status_code < 300:
            _keep(response, body, owner=owner, route=route, key=key)
    return response


def _replay(kept: IdempotencyKey) -> Response:
    text = plain(kept.body)
    if text is None:
        raise Conflict("The reply that was kept cannot be read with this installation's keys.")
    data = json.loads(text) if text else None
    return Response(data, status=kept.status, headers={**kept.headers, REPLAYED: "true"})


def _keep(response: Response, body: str, *, owner: str, route: str, key: str) -> None:
    """Keep the reply, also in the place of one that has expired."""
    IdempotencyKey.objects.filter(owner=owner, route=route, key=key).delete()
    IdempotencyKey.objects.create(
        owner=owner,
        route=route,
        key=key,
        fingerprint=keyring().fingerprint(body, _PURPOSE),
        status=response.status_code,
        headers={name: response[name] for name in _KEPT_HEADERS if name in response},
        body="" if response.data is None else ORJSONRenderer().render(response.data).decode(),
    )


def _lock(owner: str, route: str, key: str) -> bool:
    """Whether nobody else is at it; held until the transaction ends, however it ends."""
    name = hashlib.blake2b("\0".join([owner, route, key]).encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
        return bool(cursor.fetchone()[0])


def _owner_of(request: Request) -> str:
    """Whose keys these are: a user's, or one API key's."""
    if isinstance(request.auth, Credential):
        return f"key:{request.auth.key}"
    return f"user:{request.user.pk}"


def _text_of(request: Request) -> str:
    """The JSON body and the query, in one spelling whatever the order of their fields."""
    # Not by orjson, which refuses integers of more than 64 bits that the parser has taken.
    return json.dumps([request.data, sorted(request.query_params.lists())], sort_keys=True, default=str)


def _key_of(request: Request) -> str | None:
    """The key in the header, without quotation marks.

    Raises:
        IdempotencyKeyInvalid: it is empty, too long, or has other characters.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    given = given.strip()
    if quoted := re.fullmatch(QUOTED, given):
        return _ESCAPED.sub(r"\1", quoted[1])
    if re.fullmatch(BARE, given):
        return given
    raise IdempotencyKeyInvalid()
