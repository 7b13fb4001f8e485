"""Whether floor and product do the same. What is faster because it does less is not a floor.

Answers to reads are equal in full. Of writes, answers and every row that was written are equal but for new
ids, references and times.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.db import connection

from benchmarks.books import WRITTEN
from benchmarks.calls import Call, Request, Streams
from benchmarks.grown import BASE
from benchmarks.sides import Side

COMPARED = 40  # different requests of a call
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_REFERENCE = re.compile(r"APP-[A-Z0-9]{8}", re.IGNORECASE)
# Of a request or a moment, not of what was asked for.
_INCIDENTAL = {"request_id", "seconds_in_stage"}


class Different(Exception):
    """The two sides did not do the same."""


def compare(call: Call, streams: Streams, token: str, floor: Side, product: Side) -> int:
    """Ask both sides what a call asks, up to a number of requests; how many were compared.

    Raises:
        Different: naming the request and where the answers part.
    """
    if not call.writes:
        paths = list(dict.fromkeys(request.path for stream in streams for request in stream))[:COMPARED]
        for path in paths:
            _check(path, floor.ask("GET", path, token), product.ask("GET", path, token), status=200)
        return len(paths)
    # Nothing can be marked twice: one for each side.
    pairs = [(streams[0][0], streams[1][0])] if call.once else [(one, one) for one in streams[0]]
    done = [
        [_written_by(side, pair[number], token) for pair in pairs]
        for number, side in enumerate((floor, product))
    ]
    for pair, mine, theirs in zip(pairs, *done, strict=True):
        path = f"{pair[0].method} {pair[0].path}"
        _check(path, mine[0], theirs[0], status=201 if call.name == "create" else 200)
        _check(f"{path}: rows", (0, mine[1]), (0, theirs[1]), status=0)
    return len(pairs)


def _written_by(side: Side, request: Request, token: str) -> tuple[tuple[int, Any], Any]:
    """The answer of a side, and the rows that it wrote, both without what is new each time."""
    marks = _last_ids()
    status, body = side.ask(request.method, request.path, token, request.data)
    if isinstance(body, dict) and "unread_count" in body:
        body = {**body, "unread_count": "one fewer"}
    return (status, _neutral(body)), _neutral(_rows_since(marks))


def _last_ids() -> dict[str, int]:
    found = {}
    with connection.cursor() as cursor:
        for table in WRITTEN:
            key = _key_of(table)
            cursor.execute(f"SELECT coalesce(max({key}), 0) FROM {table} WHERE {key} < %s", [BASE])  # noqa: S608
            found[table] = (cursor.fetchone() or (0,))[0]
    return found


def _rows_since(marks: dict[str, int]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for table, mark in marks.items():
            key = _key_of(table)
            cursor.execute(
                f"SELECT to_jsonb(t)::text FROM {table} t WHERE {key} > %s AND {key} < %s ORDER BY {key}",  # noqa: S608
                [mark, BASE],
            )
            found[table] = [json.loads(text) for (text,) in cursor.fetchall()]
    return found


def _key_of(table: str) -> str:
    return "application_id" if table == "applications_searchdocument" else "id"


def _neutral(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _neutral(one, key) for key, one in value.items() if key not in _INCIDENTAL}
    if isinstance(value, list):
        return [_neutral(one, name) for one in value]
    if isinstance(value, int) and name.endswith(("id", "ids")):
        return "new" if value < BASE or name == "ids" else value
    if isinstance(value, str):
        return _REFERENCE.sub("APP-new", _MOMENT.sub("now", value))
    return value


def _check(what: str, mine: tuple[int, Any], theirs: tuple[int, Any], *, status: int) -> None:
    for side, (got, body) in (("floor", mine), ("product", theirs)):
        if got != status:
            raise Different(f"{what}: {side} answers {got}: {str(body)[:500]}")
    if mine[1] != theirs[1]:
        raise Different(f"{what}: {_difference(mine[1], theirs[1])}")


def _difference(mine: Any, theirs: Any, place: str = "") -> str:
    """Where two bodies part first."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted(mine.keys() | theirs.keys()):
            if key not in mine or key not in theirs:
                return f"{place}.{key} is only with the {'floor' if key in mine else 'product'}"
            if mine[key] != theirs[key]:
                return _difference(mine[key], theirs[key], f"{place}.{key}")
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            if one != other:
                return _difference(one, other, f"{place}[{number}]")
    return f"{place}: floor {str(mine)[:300]}, product {str(theirs)[:300]}"
