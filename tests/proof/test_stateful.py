"""Chains of requests along the document's links: what one makes, the next ones read, change, use and delete.

Every reply is checked as in `test_document`, and with the memory of the chain: what was made is there, and
what was deleted is gone (`ensure_resource_availability`, `use_after_free`).
"""

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.stateful.state_machine import RecordingStateMachine

from tests.integration.bodies import BODIES
from tests.plugins.route_table import anonymous
from tests.proof.prober import DOCUMENTED, label_of, make_schema, one_connection, search, validate
from tests.writes import as_if_none
from users.choices import Role

# They end the login that the rest of a chain needs.
ENDING = "logout|suspend|force_logout|password_change|user_destroy"
# Made of forms with files, which few made-up ones are, or told as it happens: `test_document` asks both.
APART = [one.id for one in DOCUMENTED if (one.has_body and not one.takes_json) or one.id == "job_stream"]
BY_LABEL = {label_of(operation): operation for operation in DOCUMENTED}

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _in_one_transaction():
    with one_connection():
        yield


def give_key_of_its_own(headers: Any, used: set[str]) -> None:
    """Replace the idempotency key of an earlier request: another one is refused under it."""
    key = headers.get("Idempotency-Key")
    if key in used:
        headers["Idempotency-Key"] = key = f"chain-{len(used)}"
    used.add(key)


@pytest.mark.parametrize("role", Role.values)
def test_chains_of_requests(role, world, api):
    """Each scenario begins with our world as it was, and leaves it so."""
    token = api(world.user(role)).tokens.access
    schema = make_schema().exclude(operation_id_regex=ENDING).exclude(operation_id=APART)
    followed: set[str] = set()
    found: list[BaseException] = []

    class Chain(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.scenario = as_if_none(transaction.atomic())
            self.scenario.__enter__()
            self.asked = 0
            self.keys: set[str] = set()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.scenario.__exit__(None, None, None)

        def before_call(self, case: Any) -> None:
            """Every other row is made with a body of our own: few random ones get past the domain."""
            operation = BY_LABEL[case.operation.label]
            self.asked += 1
            makes = case.method == "POST" and operation.id in BODIES and operation.takes_json
            if makes and self.asked % 2 and not case.meta.generation.mode.is_negative:
                case.body = BODIES[operation.id](world)
            headers = case.headers or {}
            headers.pop("If-Match", None)
            give_key_of_its_own(headers, self.keys)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            if response.status_code < 300:
                followed.add(case.operation.label)
            try:
                validate(case, response, self.get_call_kwargs(case)["headers"], recorder=self.recorder)
            except (Failure, FailureGroup) as failure:
                found.append(failure)
                raise

    assert issubclass(Chain, RecordingStateMachine)
    # Where something outlives a scenario, as what is in Redis does, a chain may not go the same way twice,
    # and the search ends there. What was found until then counts.
    with suppress(FlakyStrategyDefinition):
        Chain.run(settings=search(25))
    assert not found
    # The chains got somewhere: what a role may make, it made.
    made = {label for label in followed if label.startswith("POST ")}
    assert made or role == Role.CLIENT


def test_every_row_that_is_made_leads_to_all_that_can_be_done_with_it():
    """A new detail has a link to each operation below its address."""
    document = make_schema().raw_schema
    operations = {
        op["operationId"]: (path, op) for path, item in document["paths"].items() for op in item.values()
    }
    linked = {name: links for name, (_, op) in operations.items()
              if (links := op["responses"].get("201", {}).get("links"))}  # fmt: skip
    assert {"application_create", "application_create_with_cascade", "security_create"} <= set(linked)
    for name, (path, _) in operations.items():
        makes_row = name.endswith("_create") and "201" in operations[name][1]["responses"]
        if makes_row and name.replace("_create", "_retrieve") in operations:
            below = anonymous(operations[name.replace("_create", "_retrieve")][0])
            wanted = {
                other
                for other, (address, _) in operations.items()
                if anonymous(address).startswith(below) and address.count("{") == below.count("{")
            }
            assert set(linked[name]) == wanted, path
