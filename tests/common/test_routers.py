"""Routes: an address without parameters is found again at once, and nothing else is kept."""

import pytest
from django.http import HttpResponse
from django.urls import Resolver404, path

from crm_backend.common.routers import LiteralPaths


def view(request, **kwargs):
    return HttpResponse()


def routes():
    literal, numbered = path("loans/recent/", view, name="recent"), path("loans/<int:pk>/", view, name="loan")
    return LiteralPaths("api/", [literal, numbered])


def test_addresses_are_found_as_before_and_again():
    found = routes()
    for _ in range(2):
        assert found.resolve("api/loans/recent/").url_name == "recent"
        assert found.resolve("api/loans/7/").kwargs == {"pk": 7}
        assert found.resolve("api/loans/8/").kwargs == {"pk": 8}
    assert found.resolve("api/loans/recent/") is found.resolve("api/loans/recent/")
    assert list(found._kept) == ["api/loans/recent/"]


def test_what_there_is_not_is_not_kept():
    found = routes()
    for address in ("api/loans/", "api/loans/recent", "loans/recent/"):
        with pytest.raises(Resolver404):
            found.resolve(address)
    assert not found._kept
