"""What holds for every route, asked of each of them through the whole middleware."""

import uuid
from datetime import timedelta

import pytest
from django.urls import resolve
from rest_framework_simplejwt.tokens import AccessToken

from tests.factories import UserFactory
from tests.integration.addresses import ROWS, address, allowed_role, nobodys, rows_of
from tests.plugins.route_table import ALIASES, COUNTED, METHODS, Operation, operations, routes

# Thousands of short requests, whose lines other tests have run for the coverage already.
pytestmark = [pytest.mark.usefixtures("one_world"), pytest.mark.no_cover]

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "errors", "request_id"}
API = [operation for operation in operations() if operation.path.startswith("/api/")]
GUARDED = [operation for operation in operations() if not operation.public]
WITH_BODY = [operation for operation in operations() if operation.has_body]
WITH_JSON = [operation for operation in WITH_BODY if operation.takes_json]
WITH_ID = [
    (operation, name) for operation in operations() for name in operation.parameters if name not in COUNTED
]
UNSUPPORTED = [
    (operation, method)
    for operation in operations()
    if operation.method == operation.methods[0]
    for method in METHODS
    if method not in operation.methods
]


def each(found):
    return pytest.mark.parametrize("operation", found, ids=str)


def anywhere(operation: Operation) -> str:
    """A path for replies that are given before any row is looked for."""
    return operation.at({name: nobodys(model) for name, model in operation.models().items()})


def assert_problem(reply, status, code):
    """The one error shape, whole."""
    assert reply.status_code == status
    assert reply["Content-Type"] == "application/problem+json"
    body = reply.json()
    assert set(body) == PROBLEM_KEYS
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:crm:problem:{code}")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == reply["X-Request-ID"]
    return body


@pytest.fixture
def as_allowed(world, api):
    """`as_allowed(operation)`: a client that may do it, and the path of rows that it sees."""

    def make(operation):
        role = allowed_role(operation)
        client = api() if operation.public else api(world.user(role))
        return client, address(operation, world, role)

    return make


def test_every_parameter_of_every_route_can_be_filled():
    unknown = [
        f"{operation}: {name}" for operation, name in WITH_ID if operation.models().get(name) not in ROWS
    ]
    assert unknown == []


@pytest.mark.parametrize(("second", "first"), ALIASES)
def test_second_addresses_lead_to_the_same_view(second, first):
    found = [route for route in routes() if route.path.startswith(second)]
    assert found
    for route in found:
        path = first + route.path.removeprefix(second).replace("{pk}", str(uuid.UUID(int=0)))
        target = resolve(path).func
        assert getattr(target, "view_class", None) or getattr(target, "cls", None) is route.view


@each(operations())
def test_the_document_and_the_resolver_know_the_operation(operation):
    assert operation.view is not None
    pages = {"/", "/api/docs/", "/api/redoc/", "/api/schema/", "/api/asyncapi/"}
    assert bool(operation.documented) is (operation.path not in pages)


@each(GUARDED)
def test_without_a_token_401(operation, api):
    reply = api().generic(operation.method, anywhere(operation))
    assert_problem(reply, 401, "not_authenticated")
    assert reply["WWW-Authenticate"] == 'Bearer realm="api"'


@each(GUARDED)
@pytest.mark.django_db
def test_an_expired_token_401(operation, api):
    client = api(UserFactory.create())
    token = AccessToken(client.tokens.access)
    token.set_exp(lifetime=-timedelta(seconds=1))
    client.use(str(token))
    reply = client.generic(operation.method, anywhere(operation))
    assert_problem(reply, 401, "token_not_valid")
    assert reply["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("beyond", [False, True], ids=["missing", "beyond"])
@pytest.mark.parametrize(("operation", "name"), WITH_ID, ids=lambda value: str(value))
def test_an_id_that_does_not_exist_404(operation, name, beyond, world, api):
    role = allowed_role(operation)
    values = {key: rows_of(operation, key).ours(world, role).pk for key in operation.models()}
    nobody = nobodys(operation.models()[name], beyond=beyond)
    path = operation.at({**values, name: nobody})
    reply = api(world.user(role)).generic(operation.method, path, "{}", "application/json")
    assert_problem(reply, 404, "not_found")


@pytest.mark.parametrize(("operation", "method"), UNSUPPORTED, ids=lambda value: str(value))
def test_an_unsupported_method_405_names_the_supported_ones(operation, method, as_allowed):
    client, path = as_allowed(operation)
    reply = client.generic(method, path, "{}", "application/json")
    assert reply.status_code == 405
    supported = {*operation.methods, *(["HEAD"] if "GET" in operation.methods else [])}
    if operation.path != "/":  # the one page that is not an API view
        supported.add("OPTIONS")
    assert set(reply["Allow"].split(", ")) == supported
    if operation in API:
        assert_problem(reply, 405, "method_not_allowed")


@each(WITH_JSON)
def test_malformed_json_400(operation, as_allowed):
    client, path = as_allowed(operation)
    reply = client.generic(operation.method, path, '{"a": ', "application/json")
    assert_problem(reply, 400, "malformed")


@each(WITH_JSON)
def test_an_unknown_field_400_is_named(operation, as_allowed):
    client, path = as_allowed(operation)
    reply = client.generic(operation.method, path, '{"no_such_field": 1}', "application/json")
    body = assert_problem(reply, 400, "invalid")
    assert body["errors"]["no_such_field"] == ["There is no such field here."]


@each(WITH_JSON)
def test_a_body_that_is_no_object_400(operation, as_allowed):
    client, path = as_allowed(operation)
    reply = client.generic(operation.method, path, "[1]", "application/json")
    body = assert_problem(reply, 400, "invalid")
    assert list(body["errors"]) == ["non_field_errors"]


@each(WITH_BODY)
def test_another_content_type_415(operation, as_allowed):
    client, path = as_allowed(operation)
    reply = client.generic(operation.method, path, "a=1", "text/plain")
    assert_problem(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/", "/api/docs/", "/api/redoc/", "/api/schema/", "/api/asyncapi/"])
def test_pages_and_documents_are_open_to_everyone(path, api, db):
    assert api().get(path).status_code == 200
