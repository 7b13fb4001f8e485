"""Where a request comes from."""

from ipaddress import ip_address

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


def address_of(request: Request) -> str | None:
    """The caller's address, as far as the configured proxies can be trusted; None where there is none."""
    try:
        return str(ip_address(BaseThrottle().get_ident(request) or ""))
    except ValueError:  # a socket without an address, or a proxy that sends something else
        return None
