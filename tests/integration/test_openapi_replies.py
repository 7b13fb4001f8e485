"""Real replies are what the OpenAPI document says: status, headers, and every member of the body."""

from decimal import Decimal

import pytest
from drf_spectacular.generators import SchemaGenerator

from applications.models import ApplicationGuarantor, FundingCalculation
from applications.services.funding import funding_calculate
from tests.clients import PASSWORD
from tests.contract import Contract
from tests.factories import UserFactory
from tests.integration.addresses import address, nobodys
from tests.integration.bodies import BODIES, FEES
from tests.integration.test_query_counts import Book
from tests.integration.test_roles import encoded, expected
from tests.plugins.route_table import Operation, operations
from users.choices import AccountStatus, Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_world")]

DOCUMENTED = [operation for operation in operations() if operation.documented]
READS = [operation for operation in DOCUMENTED if operation.method == "GET"]
WRITES = [
    (operation, role)
    for operation in DOCUMENTED
    if operation.method != "GET" and operation.policy is not None
    for role in Role.values
    if expected(operation, role).granted and expected(operation, role).visible
]
TERMS = {name: Decimal(value) for name, value in FEES.items()}
BY_ID = {operation.id: operation for operation in DOCUMENTED}


@pytest.fixture(scope="module")
def contract():
    return Contract(SchemaGenerator().get_schema(request=None, public=True))


def faults(contract, operation: Operation, reply) -> list[str]:
    return [f"{operation}: {fault}" for fault in contract.faults(operation.documented, reply)]


def send(client, operation: Operation, path: str, body=None, **headers):
    content = ("", "application/json") if body is None else encoded(operation, body)
    return client.generic(operation.method, path, *content, headers=headers)


@pytest.mark.parametrize("role", Role.values)
def test_every_read_by_every_role(role, world, api, contract):
    book = Book(world)
    book.grow(2)
    FundingCalculation.objects.all().delete()  # its rows are only counted
    funding_calculate(application=world.ours.application, terms=TERMS, actor=world.admin)
    client = api(world.user(role))
    found = []
    for operation in READS:
        path = address(operation, world, role)
        found += faults(contract, operation, client.get(path))
        if operation.id.endswith("_list"):
            found += faults(contract, operation, client.get(path, {"limit": 1, "offset": 1}))
            found += faults(contract, operation, client.get(path, {"cursor": "", "limit": 1}))
    assert found == []


@pytest.mark.parametrize("role", Role.values)
def test_rows_with_as_little_as_possible(role, world, api, contract):
    """Columns without a choice, without a person, without a value."""
    application = world.ours.application
    application.broker = application.bd = application.branch = None
    application.save()
    ApplicationGuarantor.objects.create(application=application, guarantor=world.ours.guarantor)
    client = api(world.admin if role != Role.CLIENT else world.ours.client_user)
    found = []
    for name in ("application_list", "application_retrieve", "application_guarantors", "borrower_retrieve"):
        found += faults(contract, BY_ID[name], client.get(address(BY_ID[name], world, role)))
    assert found == []


@pytest.mark.parametrize(("operation", "role"), WRITES, ids=str)
def test_every_write_by_every_role(operation, role, world, api, contract):
    whose = "fresh" if operation.action == "destroy" and role == Role.ADMIN else "ours"
    body = BODIES[operation.id](world) if operation.has_body else None
    client = api(world.user(role))
    reply = send(client, operation, address(operation, world, role, whose), body)
    assert reply.status_code < 300, reply.content
    assert faults(contract, operation, reply) == []
    if "Location" in reply.headers:
        created = client.get(reply["Location"])
        assert created.status_code == 200
        assert created.json()["id"] == reply.json()["id"]


@pytest.mark.parametrize("operation", DOCUMENTED, ids=str)
def test_refusals_of_every_operation(operation, world, api, contract):
    """No login, a missing row, a body that is none, a type that nobody can write."""
    path = address(operation, world, Role.ADMIN)
    client = api(world.admin)
    found = []
    if operation.documented["security"]:
        found += faults(contract, operation, send(api(), operation, path, {}))
    if operation.parameters:
        nobody = {name: nobodys(model) for name, model in operation.models().items()}
        missing = operation.at(nobody)
        found += faults(contract, operation, send(client, operation, missing, {}))
    if operation.has_body:
        found += faults(contract, operation, client.generic(operation.method, path, "{", "application/json"))
        found += faults(contract, operation, client.generic(operation.method, path, "a=1", "text/plain"))
        found += faults(contract, operation, send(client, operation, path, {"no_such_field": 1}))
    found += faults(contract, operation, send(client, operation, path, Accept="text/csv"))
    if "412" in operation.documented["responses"]:
        is_form = operation.has_body and not operation.takes_json
        body = BODIES[operation.id](world) if is_form else {}
        # By somebody who may, where an administrator may not.
        roles = [role for role in Role.values if role in operation.policy.actions[operation.policy_action]]
        may = client if Role.ADMIN in roles else api(world.user(roles[0]))
        reply = send(may, operation, path, body, If_Match='"old"')
        assert reply.status_code == 412
        found += faults(contract, operation, reply)
    assert found == []


@pytest.mark.parametrize(
    "operation", [operation for operation in READS if operation.action == "retrieve"], ids=str
)
def test_a_detail_that_the_caller_has(operation, world, api, contract):
    client, path = api(world.admin), address(operation, world, Role.ADMIN)
    reply = client.get(path, headers={"If-None-Match": client.get(path)["ETag"]})
    assert reply.status_code == 304
    assert faults(contract, operation, reply) == []


def test_logging_in_and_all_that_can_come_of_it(world, api, contract):
    client, operation = api(), BY_ID["login_post"]
    waiting = UserFactory.create(role=Role.BROKER, status=AccountStatus.PENDING)
    closed = UserFactory.create(status=AccountStatus.SUSPENDED)
    found, seen = [], []
    attempts = [(world.admin, PASSWORD), (waiting, PASSWORD), (closed, PASSWORD)]
    attempts += [(world.ours.client_user, "wrong")] * 12
    for user, password in attempts:
        reply = client.post(operation.path, {"email": user.email, "password": password})
        seen.append(reply.status_code)
        found += faults(contract, operation, reply)
    assert set(seen) == {200, 401, 403, 429}
    assert found == []


def test_tokens_passwords_and_accounts_of_ones_own(world, api, contract):
    client = api(world.ours.client_user)
    pair = client.tokens
    bodies = {
        "verify_post": {"token": pair.access},
        "refresh_post": {"refresh": pair.refresh},
        "register_post": {
            "email": "nia@example.com",
            "password": PASSWORD,
            "first_name": "N",
            "last_name": "N",
        },
        "password_reset_post": {"email": world.admin.email},
        "profile_update_patch": {"first_name": "Nia"},
        "profile_update_put": {"first_name": "Nia", "last_name": "Novak"},
        "preferences_patch": {},
        "password_change_post": {"current_password": PASSWORD, "new_password": "paper lantern harbour 9"},
    }
    found = []
    for name, body in bodies.items():
        reply = send(client, BY_ID[name], BY_ID[name].path, body)
        assert reply.status_code < 300, (name, reply.content)
        found += faults(contract, BY_ID[name], reply)
        if name == "password_change_post":
            client.use(reply.json()["access"])
    for name in ("verify_post", "refresh_post"):
        reply = client.post(BY_ID[name].path, {next(iter(bodies[name])): "none"})
        assert reply.status_code == 401
        found += faults(contract, BY_ID[name], reply)
    found += faults(contract, BY_ID["logout_post"], client.post(BY_ID["logout_post"].path, {}))
    assert found == []


def test_what_an_idempotency_key_can_do(world, api, contract):
    operation, client = BY_ID["application_create"], api(world.admin)
    body = BODIES["application_create"](world)
    requests = [("a", body, 201), ("a", body, 201), ("a", {**body, "loan_term": 7}, 422), ("", body, 400)]
    found = []
    for key, sent, status in requests:
        reply = send(client, operation, operation.path, sent, **{"Idempotency-Key": key})
        assert reply.status_code == status
        found += faults(contract, operation, reply)
    assert found == []


def test_conflicts(world, api, contract):
    client = api(world.admin)
    own = f"/api/users/users/{world.admin.pk}/"
    application = f"/api/applications/{world.ours.application.pk}/"
    requests = [
        ("branch_destroy", f"/api/brokers/branches/{world.ours.branch.pk}/", None),
        ("borrower_destroy", f"/api/borrowers/{world.ours.borrower.pk}/", None),
        ("user_suspend", f"{own}suspend/", None),
        ("user_destroy", own, None),
        ("application_stage", f"{application}stage/", {"stage": "settled"}),
    ]
    found = []
    for name, path, body in requests:
        reply = send(client, BY_ID[name], path, body)
        assert reply.status_code == 409, reply.content
        found += faults(contract, BY_ID[name], reply)
    assert found == []
