"""Routes of resources: trailing slash, integer ids that never swallow a literal segment."""

from typing import Any

from django.urls import ResolverMatch, URLResolver
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
