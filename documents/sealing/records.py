"""The chain of what signers did."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

START = "0" * 64


def canonical(record: Mapping[str, Any]) -> bytes:
    """A record as the bytes that are hashed: JSON with sorted names, without spaces, UTF-8."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record, hexadecimal."""
    return hashlib.sha256(canonical(record)).hexdigest()


def broken_links(records: Iterable[tuple[Mapping[str, Any], str]]) -> list[str]:
    """What is wrong with a chain, in words: each record with the hash that was kept of it, in their order."""
    faults, previous = [], START
    for record, kept in records:
        who = record.get("name", "?")
        if record_hash(record) != kept:
            faults.append(f"The record of {who} is not what was recorded.")
        if record.get("previous") != previous:
            faults.append(f"The record of {who} does not follow the one before it.")
        previous = kept
    return faults
