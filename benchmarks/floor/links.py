"""Addresses of other pages."""

from collections.abc import Mapping
from urllib.parse import urlencode


def address_with(address: str, query: Mapping[str, str], **changes: str) -> str:
    """The address of another page, its parameters in order as in the product's links."""
    return f"{address}?{urlencode(sorted({**query, **changes}.items()))}"
