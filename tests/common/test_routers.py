"""Routes: an address without parameters is found again at once, and nothing else is kept."""

import pytest
from django.http import HttpResponse
from django.urls import (
    NoReverseMatch,
    Resolver404,
    get_resolver,
    get_script_prefix,
    path,
    reverse,
    set_script_prefix,
)
from django.urls.converters import IntConverter

from crm_backend.common.routers import LiteralPaths, path_of


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


def numbered():
    """The routes whose keys are integers, with the names of those."""
    found = get_resolver().reverse_dict
    for name in filter(lambda key: isinstance(key, str), found):
        for [(_, keys)], _, _, converters in found.getlist(name):
            if keys and all(isinstance(converters.get(key), IntConverter) for key in keys):
                yield name, keys


def test_the_path_of_every_route_is_that_which_django_gives():
    routes = list(numbered())
    assert len(routes) > 100
    for name, names in routes:
        for first in (1, 20):
            keys = {key: first + number for number, key in enumerate(names)}
            assert path_of(name, **keys) == reverse(name, kwargs=keys)


def test_what_stands_before_a_path_is_of_the_request():
    before = get_script_prefix()
    try:
        for prefix in ("/", "/crm/", "/50%25/"):
            set_script_prefix(prefix)
            made = path_of("application-detail", pk=7)
            assert made == reverse("application-detail", kwargs={"pk": 7})
            assert made.startswith(prefix.replace("%", "%25"))
    finally:
        set_script_prefix(before)


@pytest.mark.parametrize("keys", [{"pk": -1}, {"pk": "seven"}, {"key": 1}, {}])
def test_no_path_is_made_of_what_the_route_has_not(keys):
    with pytest.raises(NoReverseMatch):
        path_of("application-detail", **keys)
