"""The serializer that reads the body of each operation, found as the OpenAPI document finds it."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.plugins.route_table import WRITES, anonymous, folded, worded


@cache
def _shapes() -> dict[tuple[str, str], Any]:
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    found = {}
    for path, regex, method, view in generator._get_paths_and_endpoints():
        if method in WRITES:
            schema = view.schema
            schema.get_operation(path, regex, "", method, generator.registry)
            found[method, anonymous(worded(folded(path)))] = schema.get_request_serializer()
    return found


def serializer_of(operation: Any) -> Any:
    """A serializer of the operation's body, without data; None for one that takes none."""
    shape = _shapes().get((operation.method, anonymous(operation.path)))
    return shape() if isinstance(shape, type) else shape
