"""Routes of resources: trailing slash, integer ids that never swallow a literal segment."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import ResolverMatch, URLResolver, get_script_prefix, get_urlconf, reverse
from django.urls.resolvers import RoutePattern
from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """`SimpleRouter` with path converters; a viewset's `lookup_value_converter` is `int`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=True, use_regex_path=False)


class LiteralPaths(URLResolver):
    """The routes of an include, which finds an address without parameters again at once.

    Django asks one pattern after the other; there are hundreds. What is kept is bounded by the routes.
    """

    def __init__(self, prefix: str, routes: Any) -> None:
        super().__init__(RoutePattern(prefix, is_endpoint=False), routes)
        self._kept: dict[str, ResolverMatch] = {}

    def resolve(self, path: str) -> ResolverMatch:
        """The route of a path.

        Raises:
            Resolver404: there is none.
        """
        kept = self._kept.get(path)
        if kept is None:
            kept = super().resolve(path)
            if not (kept.args or kept.kwargs):
                self._kept[path] = kept
        return kept


# Stands for the first integer of a path whose text is made; no address has it by chance.
_STAND_IN = 10**17


def path_of(route: str, **keys: Any) -> str:
    """The path of a route, as Django's `reverse` gives it; with keys that are integers, worked out once."""
    if not all(type(key) is int and key >= 0 for key in keys.values()):
        return reverse(route, kwargs=keys)
    return _text(route, tuple(keys), get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF) % keys


@lru_cache(1000)
def _text(route: str, names: tuple[str, ...], *_: str | None) -> str:
    """The path with a slot for each key; it depends on what stands before it and on whose routes they are."""
    made = {name: _STAND_IN + number for number, name in enumerate(names)}
    text = reverse(route, kwargs=made).replace("%", "%%")
    for name, number in made.items():
        text = text.replace(str(number), f"%({name})d")
    return text
