"""Routes of resources: trailing slash, integer ids that never swallow a literal segment."""

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """`SimpleRouter` with path converters; a viewset's `lookup_value_converter` is `int`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=True, use_regex_path=False)
