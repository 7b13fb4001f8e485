"""Every operation of the OpenAPI document is complete."""

import pytest
from drf_spectacular.generators import SchemaGenerator

from crm_backend.common.schema import operations


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_document_is_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"


def test_every_operation_has_a_summary_and_an_id_of_its_own(document):
    found = list(operations(document))
    assert [f"{method} {path}" for path, method, op in found if not op.get("summary")] == []
    ids = [op["operationId"] for _, _, op in found]
    assert len(ids) == len(set(ids)) == len(found)


def test_every_request_and_reply_has_an_example(document):
    missing = [
        f"{method} {path}"
        for path, method, op in operations(document)
        for body in (op.get("requestBody", {}), *op["responses"].values())
        for media in body.get("content", {}).values()
        if not {"example", "examples"} & set(media)
    ]
    assert missing == []


def test_every_refusal_has_the_one_error_shape(document):
    for path, method, op in operations(document):
        refusals = {code: reply for code, reply in op["responses"].items() if code >= "400" and code != "503"}
        assert refusals, f"{method} {path}"
        for reply in refusals.values():
            assert list(reply["content"]) == ["application/problem+json"]


def test_operations_with_a_login_document_401_and_403(document):
    for _, _, op in operations(document):
        if op.get("security") == [{"bearerAuth": []}]:
            assert {"401", "403", "429"} <= set(op["responses"])
