"""Stored files over HTTP: conditional requests, ranges, and names in any script.

RFC 9110: sections 13 (`If-None-Match`, `If-Range`) and 14 (`Range`); RFC 6266 for names. One range is served;
to several at once the reply is the whole file, as section 14.2 allows: no client of ours needs the
multipart form, and it lets small requests ask for large replies.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header, http_date

from crm_backend.common.downloads import SyncParts, give_back_connection
from crm_backend.common.errors import DomainError
from crm_backend.common.exceptions import PROBLEM_JSON, problem

# Positions have at most so many digits: a number of a million digits is long to read.
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)
# Whatever a browser believes that a file is, it runs nothing of it and shows it in no page.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-site",
}


class RangeNotSatisfiable(DomainError):
    """A range that begins beyond the end of a file."""

    status = 416
    code = "range_not_satisfiable"
    title = "Range not satisfiable"
    default_detail = "This file ends before that."


@dataclass(frozen=True)
class StoredContent:
    """A file as it is sent. `parts(start, stop)` reads; `etag`, without quotes, changes with any byte."""

    parts: Callable[[int, int], Iterator[bytes]]
    size: int
    etag: str
    content_type: str
    name: str
    modified: datetime


class AsIsParts(SyncParts):
    """Parts that go as they are."""

    # Neither packed nor changed on the way: the ranges of a file are those of its own bytes.
    as_is = True


def file_response(request: Any, content: StoredContent, *, inline: bool = False) -> HttpResponseBase:
    """Reply with a file, with what is asked for of it, or with nothing where the caller has it already."""
    headers = {
        "ETag": f'"{content.etag}"',
        "Last-Modified": http_date(content.modified.timestamp()),
        "Accept-Ranges": "bytes",
        # To be asked for again, since who may read it changes; 304 is the answer then.
        "Cache-Control": "private, no-cache",
        **_HARMLESS,
    }
    if _has_already(request, content):
        return HttpResponse(status=304, headers=headers)
    wanted = range_of(request, content)
    if wanted is None:
        start, stop, status = 0, content.size, 200
    elif wanted.start >= wanted.stop:
        return _not_satisfiable(content)
    else:
        start, stop, status = wanted.start, wanted.stop, 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    headers["Content-Length"] = str(stop - start)
    headers["Content-Disposition"] = content_disposition_header(not inline, content.name) or "attachment"
    is_head = request.method == "HEAD"
    parts = iter(()) if is_head else content.parts(start, stop)
    give_back_connection(request)
    return AsIsParts(parts, status=status, content_type=content.content_type, headers=headers)


def range_of(request: Any, content: StoredContent) -> range | None:
    """The range that is asked for; None for the whole file, an empty one where there is none like it."""
    text = request.headers.get("Range", "")
    found = _RANGE.fullmatch(text)
    if not found or request.method not in ("GET", "HEAD") or not _still_the_same(request, content):
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), content.size)
        return range(content.size - length, content.size)
    if last and int(last) < int(first):
        return None  # not a range at all
    return range(int(first), min(int(last) + 1, content.size) if last else content.size)


def _still_the_same(request: Any, content: StoredContent) -> bool:
    """Whether `If-Range`, if given, names exactly what there is; a weak tag never does."""
    condition = request.headers.get("If-Range", "").strip()
    if not condition:
        return True
    return condition in (f'"{content.etag}"', http_date(content.modified.timestamp()))


def _has_already(request: Any, content: StoredContent) -> bool:
    known = request.headers.get("If-None-Match")
    if known is None:
        since = request.headers.get("If-Modified-Since")
        return since is not None and since == http_date(content.modified.timestamp())
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or f'"{content.etag}"' in tags


def _not_satisfiable(content: StoredContent) -> HttpResponse:
    error = RangeNotSatisfiable(f"This file has {content.size} bytes.")
    body = problem(status=error.status, code=error.code, title=error.title, detail=error.detail)
    headers = {"Content-Range": f"bytes */{content.size}"}
    return HttpResponse(orjson.dumps(body), status=416, content_type=PROBLEM_JSON, headers=headers)
