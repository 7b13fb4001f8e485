"""JSON in, by orjson, and plain forms, up to a size."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import QueryDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class ORJSONParser(parsers.BaseParser):
    """Strict JSON: no NaN, no second document; too deep or too large is refused, not swallowed."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the body as Python data.

        Raises:
            ParseError: it is not JSON.
            RequestDataTooBig: it is larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`.
        """
        try:
            return orjson.loads(_read(stream))
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error.msg}.") from None


class FormParser(parsers.FormParser):
    """A form without files, of UTF-8, as browsers send it."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the fields.

        Raises:
            ParseError: it is not such a form.
            RequestDataTooBig: it is larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`.
        """
        try:
            return QueryDict(_read(stream).decode("ascii"), encoding="utf-8")
        except (UnicodeDecodeError, TooManyFieldsSent):
            raise ParseError("The body is not a form.") from None


def _read(stream: Any) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise RequestDataTooBig
    return body
