"""Whatever is asked, the answer is one that the OpenAPI document describes.

Schemathesis makes requests from the document: the corners of every schema, good and bad examples, methods
that are not there, logins that are missing. All of its checks run, and none is left out; three
read the contract closer than schemathesis can, see `prober`: a rule of the domain may refuse what is
well-formed, and a documented value may be spelt otherwise.
"""

import pytest

from tests.proof.prober import (
    EXAMPLES,
    Corners,
    Prober,
    areas,
    ids_in,
    make_schema,
    one_connection,
    operations_of,
    report,
)
from users.choices import Role

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.timeout(900)]

ROLES = list(Role.values)
SHARED = 40
# Of the corners after those, CI asks each tenth; a search of its own (`PROOF_EXAMPLES`) asks all.
STEP = 1 if EXAMPLES else 10


@pytest.fixture(scope="module")
def schema():
    """The schema, and the corners of its operations as far as they have been looked for."""
    made = make_schema()
    return made, Corners(made)


@pytest.fixture(autouse=True)
def _in_one_transaction():
    with one_connection():
        yield


def probe(schema, world, api, area, role, examples, share, most=None):
    made, corners = schema
    prober = Prober(made, api(world.user(role)).tokens.access, corners)
    for operation in operations_of(area, role):
        prober.probe(operation, ids_in(operation, world, role), examples, share, most)
    report(prober)


def corners_of_role(role):
    """Each role takes another part of the first corners."""
    return lambda number: number < SHARED and number % len(ROLES) == ROLES.index(role)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("area", areas())
def test_replies_are_documented(area, role, schema, world, api):
    """Together the roles see all corners, up to a number."""
    probe(schema, world, api, area, role, 4, corners_of_role(role), SHARED)


@pytest.mark.parametrize("area", areas())
def test_replies_at_further_corners_are_documented(area, schema, world, api):
    """A share of all the others, and more examples, by the role that may do everything."""
    probe(schema, world, api, area, Role.ADMIN, 12, lambda number: number >= SHARED and number % STEP == 0)
