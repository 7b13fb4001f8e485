"""Whatever is asked, the answer is one that the OpenAPI document describes.

Schemathesis makes requests from the document: the corners of every schema, good and bad examples, methods
that are not there, logins that are missing. All of its checks run on every reply, and none is left out; three
read the contract closer than schemathesis can, see `prober`: a rule of the domain may refuse what is
well-formed, and a documented value may be spelt otherwise.
"""

import pytest

from tests.proof.prober import Prober, areas, ids_in, make_schema, one_connection, operations_of, report
from users.choices import Role

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

ROLES = list(Role.values)


@pytest.fixture(scope="module")
def schema():
    return make_schema()


@pytest.fixture(autouse=True)
def _in_one_transaction():
    with one_connection():
        yield


def probe(schema, world, api, area, role, examples, share):
    prober = Prober(schema, api(world.user(role)).tokens.access)
    for operation in operations_of(area, role):
        prober.probe(operation, ids_in(operation, world, role), examples, share)
    report(prober)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("area", areas())
def test_replies_are_documented(area, role, schema, world, api):
    """Each role takes another part of the corners, so that together they see all of them, up to a number."""
    probe(schema, world, api, area, role, 4, slice(ROLES.index(role), 120, len(ROLES)))


@pytest.mark.slow
@pytest.mark.parametrize("area", areas())
def test_replies_at_every_corner_are_documented(area, schema, world, api):
    """All corners, and more examples, by the role that may do everything."""
    probe(schema, world, api, area, Role.ADMIN, 12, slice(None))
