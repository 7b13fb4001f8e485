"""What a key's scopes hold: addresses that show or write rows of more than one resource."""

import pytest
from django.db import models
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from crm_backend.common.permissions import touched_by
from crm_backend.common.policy import Policy
from events.models import Event
from jobs.models import Job
from tests.checks import assert_refused
from tests.factories import ReportFileFactory
from tests.writes import nothing_written
from users.services.api_keys import api_key_create

pytestmark = pytest.mark.django_db

# What happened to a row, and the job that an address starts, are part of what the address is about.
OF_THE_ADDRESS = (Event, Job)


@pytest.fixture
def program(world, api):
    """`program(scopes…)`: a client with a key of the administrator."""

    def make(*scopes):
        _, raw = api_key_create(actor=world.admin, user=world.admin, name="Website", scopes=list(scopes))
        client = api()
        client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
        client.get("/api/brokers/branches/")  # its use is noted
        return client

    return make


def owners():
    """By model, the resources whose rows are such."""
    found = {}
    for resource, policy in Policy.registry.items():
        found.setdefault(policy.model, set()).add(resource)
    return found


def shapes(found):
    """Every serializer in the request or the replies of an operation."""
    for shape in found.values() if isinstance(found, dict) else [found]:
        shape = shape() if isinstance(shape, type) else shape
        shape = getattr(shape, "child", shape)
        if isinstance(shape, serializers.BaseSerializer):
            yield shape


def nested(shape):
    """The models of the rows that a body brings along."""
    for field in getattr(shape, "fields", {}).values():
        inner = getattr(field, "child", field)
        if not field.read_only and isinstance(inner, serializers.BaseSerializer):
            yield from (model for model in (model_of(inner),) if model)
            yield from nested(inner)


def model_of(shape):
    return getattr(getattr(shape, "Meta", None), "model", None)


def operations():
    """Every action of a resource that keys reach: name, view."""
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    for path, _, method, view in generator._get_paths_and_endpoints():
        writing = method != "GET"
        if hasattr(view, "policy") and not view.policy.for_people(writing=writing):
            yield f"{method} {path}", view


def declared(view):
    return set(touched_by(view))


def test_what_shows_or_writes_rows_of_another_resource_says_so():
    owned, seen = owners(), 0
    for name, view in operations():
        seen += 1
        models_met: set[type[models.Model]] = set()
        for shape in shapes(view.schema.get_response_serializers()):
            models_met |= {model_of(shape)} - {None}
        for shape in shapes(view.schema.get_request_serializer()):
            models_met |= set(nested(shape))
        for model in models_met.difference(OF_THE_ADDRESS):
            assert model not in owned or owned[model] & declared(view), (name, model)
        assert declared(view) <= set(Policy.registry), name
    assert seen > 80


CASES = [
    ("get", "/api/borrowers/{borrower}/applications/", ["borrowers", "applications"]),
    ("get", "/api/borrowers/{borrower}/guarantors/", ["borrowers", "guarantors"]),
    ("get", "/api/borrowers/{borrower}/financial-summary/", ["borrowers", "assets", "liabilities"]),
    ("get", "/api/borrowers/{borrower}/timeline/", ["borrowers", "guarantors", "applications"]),
    ("get", "/api/customers/", ["customers", "borrowers", "applications"]),
    (
        "get",
        "/api/customers/{borrower}/",
        [
            "customers",
            "borrowers",
            "applications",
            "brokers",
            "bdms",
            "guarantors",
            "interactions",
            "appointments",
            "conversations",
            "reviews",
        ],
    ),
    ("get", "/api/brokers/{broker}/applications/", ["brokers", "applications"]),
    ("get", "/api/brokers/{broker}/stats/", ["brokers", "applications", "loans", "repayments"]),
    ("get", "/api/partnerships/{partnership}/referrals/", ["partnerships", "applications"]),
    ("get", "/api/partnerships/", ["partnerships", "applications"]),
    ("get", "/api/partnerships/{partnership}/", ["partnerships", "applications"]),
    ("get", "/api/users/team/members/", ["team-members", "applications", "notes", "leads"]),
    (
        "get",
        "/api/partnerships/{partnership}/commission-summary/",
        ["partnerships", "partner-commissions"],
    ),
    ("get", "/api/brokers/bdms/{bdm}/applications/", ["bdms", "applications"]),
    ("get", "/api/brokers/bdms/{bdm}/portfolio/", ["bdms", "applications", "brokers"]),
    ("get", "/api/brokers/branches/{branch}/brokers/", ["branches", "brokers"]),
    ("get", "/api/brokers/branches/{branch}/bdms/", ["branches", "bdms"]),
    ("get", "/api/brokers/branches/{branch}/team/", ["branches", "bdms", "brokers", "applications"]),
    (
        "get",
        "/api/users/team/members/{bd_user}/workload/",
        ["team-members", "applications", "notes", "leads"],
    ),
    ("get", "/api/applications/{application}/borrowers/", ["applications", "borrowers"]),
    ("get", "/api/applications/{application}/guarantors/", ["applications", "guarantors"]),
    ("get", "/api/applications/new/", ["applications", "products"]),
]


@pytest.mark.parametrize(("method", "path", "resources"), CASES)
def test_reading_several_resources_needs_the_scopes_of_all(world, program, method, path, resources):
    ours = world.ours
    names = ("borrower", "broker", "bdm", "bd_user", "branch", "partnership", "application")
    address = path.format(**{name: getattr(ours, name).pk for name in names})
    scopes = [f"{resource}:read" for resource in resources]
    assert program(*scopes).get(address).status_code == 200
    for missing in scopes:
        reply = program(*(scope for scope in scopes if scope != missing), "jobs:read").get(address)
        body = assert_refused(reply, 403, "permission_denied")
        assert body["detail"] == f"This API key lacks the scope {missing}."


@pytest.mark.parametrize("path", ["create-with-cascade/", "validate-schema/", "bulk-import/"])
def test_a_key_for_applications_makes_no_borrowers(program, path):
    client = program("applications:write", "borrowers:read", "guarantors:read", "securities:read")
    with nothing_written():
        reply = client.post(f"/api/applications/{path}", {})
    body = assert_refused(reply, 403, "permission_denied")
    assert body["detail"] == "This API key lacks the scope borrowers:write."


def test_what_a_write_only_shows_needs_to_be_read(world, program):
    path = f"/api/partnerships/{world.ours.partnership.pk}/"
    assert_refused(program("partnerships:write").patch(path, {"contact_name": "A"}), 403, "permission_denied")
    client = program("partnerships:write", "applications:read")
    assert client.patch(path, {"contact_name": "Ann Lee"}).status_code == 200


FIGURES = ("custom-reports", "applications", "loans", "repayments", "leads")


@pytest.mark.parametrize("address", ["/api/reports/custom/", "/api/reports/custom/export/?format=csv"])
def test_a_custom_report_is_read_though_it_is_posted(program, address):
    body = {"source": "leads", "dimensions": [], "measures": ["count"]}
    scopes = [f"{resource}:read" for resource in FIGURES]
    assert program(*scopes).post(address, body).status_code == 200
    for missing in scopes:
        reply = program(*(scope for scope in scopes if scope != missing), "jobs:read").post(address, body)
        assert assert_refused(reply, 403, "permission_denied")["detail"].endswith(f" {missing}.")


def test_a_file_is_read_by_keys_for_all_that_reports_are_of(world, program):
    file = ReportFileFactory.create(user=world.admin)
    resources = ("report-files", "applications", "loans", "repayments", "commissions", "leads")
    scopes = [f"{resource}:read" for resource in resources]
    address = f"/api/reports/files/{file.pk}/download/"
    assert program(*scopes).get(address).status_code == 200
    for missing in scopes:
        reply = program(*(scope for scope in scopes if scope != missing)).get(address)
        assert_refused(reply, 403, "permission_denied")
