"""Every operation of the OpenAPI document is complete."""

import re

import pytest
from drf_spectacular.generators import SchemaGenerator

from crm_backend.common.schema import operations
from tests.contract import Contract, resolved


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


def test_every_request_and_reply_has_an_example_of_its_own_shape(document):
    contract, missing, wrong = Contract(document), [], []
    for path, method, op in operations(document):
        for status, body in [("request", op.get("requestBody", {})), *replies(document, op)]:
            for media in body.get("content", {}).values():
                found = [case["value"] for case in media.get("examples", {}).values()]
                found += [media["example"]] if "example" in media else []
                if not found:
                    missing.append(f"{method} {path} {status}")
                for example in found:
                    wrong += [
                        f"{method} {path} {status}: {error}"
                        for error in contract.errors(media["schema"], example)
                    ]
    assert missing == []
    assert wrong == []


def test_nothing_is_nullable_in_the_old_way(document):
    def keys(value):
        if isinstance(value, dict):
            yield from value
            for item in value.values():
                yield from keys(item)
        elif isinstance(value, list):
            for item in value:
                yield from keys(item)

    assert "nullable" not in set(keys(document))


def test_every_reference_leads_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in set(references(document)):
        assert resolved(document, {"$ref": reference})


def test_a_page_has_links_that_may_be_null_and_no_count_by_cursor(document):
    pages = {n: s for n, s in document["components"]["schemas"].items() if n.startswith("Paginated")}
    assert pages
    for page in pages.values():
        assert page["required"] == ["next", "previous", "results"]
        assert page["properties"]["next"]["type"] == ["string", "null"]
        assert page["properties"]["previous"]["type"] == ["string", "null"]


def test_every_refusal_has_the_one_error_shape(document):
    for path, method, op in operations(document):
        refusals = [(code, reply) for code, reply in replies(document, op) if code >= "400" and code != "503"]
        assert refusals, f"{method} {path}"
        for _, reply in refusals:
            assert list(reply["content"]) == ["application/problem+json"]
            assert reply["description"] not in ("", "No response body")


# Logins, and who has a link of ours or the provider's secret instead of one.
OPEN = (
    "/health/",
    "/api/users/auth/",
    "/api/users/unsubscribe/",
    "/api/appointments/calendar.ics",
    "/api/documents/signing/",
    "/api/documents/documents/signature-webhook/",
)


def test_operations_with_a_login_document_401_and_those_without_have_no_security(document):
    for path, _, op in operations(document):
        if op["security"]:
            people, programs = {"bearerAuth": []}, {"apiKeyAuth": []}
            # An EventSource cannot send headers.
            ticket = [{"streamTicket": []}] if op["operationId"] == "job_stream" else []
            assert op["security"] in ([people], [*ticket, people, programs])
            assert {"401", "429"} <= set(op["responses"])
        else:
            assert path == "/api/" or path.startswith(OPEN)


@pytest.mark.parametrize(
    ("operation_id", "status", "codes"),
    [
        ("login_post", "401", {"invalid_credentials"}),
        ("login_post", "403", {"account_pending", "account_suspended"}),
        ("login_post", "429", {"throttled", "too_many_attempts"}),
        ("refresh_post", "401", {"token_not_valid"}),
        ("verify_post", "401", {"token_not_valid"}),
        ("register_post", "409", {"conflict"}),
        ("application_stage", "409", {"conflict", "illegal_stage_move", "stage_guard_not_met"}),
        ("user_approve", "409", {"conflict"}),
        ("branch_destroy", "409", {"conflict"}),
        ("branch_create", "409", {"conflict"}),
    ],
)
def test_an_operation_names_the_codes_of_its_refusals(document, operation_id, status, codes):
    (op,) = [op for _, _, op in operations(document) if op["operationId"] == operation_id]
    (media,) = dict(replies(document, op))[status]["content"].values()
    assert set(media["examples"]) == codes


def test_what_cannot_happen_is_not_documented(document):
    found = {op["operationId"]: set(op["responses"]) for _, _, op in operations(document)}
    assert found["live_get"] == {"200", "406"}
    assert found["ready_get"] == {"200", "406", "503"}
    assert found["register_post"] & {"401", "403", "404"} == set()
    assert found["user_approve"] & {"400", "413", "415", "412"} == set()


FILES = {
    "document_download",
    "document_version_download",
    "document_thumbnail",
    "signature_request_file",
    "link_file_post",
}


def test_preconditions_are_parameters_where_they_are_honoured(document):
    def taking(name):
        return {
            op["operationId"]
            for _, _, op in operations(document)
            if name in {resolved(document, item)["name"] for item in op.get("parameters", [])}
        }

    conditional = taking("If-Match")
    ends = (
        "_update",
        "_destroy",
        "_stage",
        "_assign",
        "_set_status",
        "_convert",
        "_set_borrowers",
        "_set_guarantors",
        "_change_status",
        "_create_version",
    )
    assert all(name.endswith(ends) for name in conditional)
    assert {"application_stage", "application_set_guarantors", "branch_destroy"} <= conditional
    for _, _, op in operations(document):
        assert ("412" in op["responses"]) == (op["operationId"] in conditional)
        is_file = op["operationId"] in FILES
        assert ("304" in op["responses"]) == (op["operationId"].endswith("_retrieve") or is_file)
    assert taking("If-None-Match") == {
        op["operationId"] for _, _, op in operations(document) if "304" in op["responses"]
    }


def test_allowed_stages_are_stages(document):
    field = document["components"]["schemas"]["Application"]["properties"]["allowed_stages"]
    assert field["items"] == {"$ref": "#/components/schemas/StageEnum"}


def replies(document, operation):
    """Status and description of every reply, references followed."""
    return [(status, resolved(document, reply)) for status, reply in operation["responses"].items()]


def test_unknown_fields_of_a_request_are_refused_by_the_document_too(document):
    for name in ("CascadeRequest", "AddressRequest", "StageMoveRequest", "PatchedUserRequest"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_a_letter_is_addressed_by_its_type_and_by_nothing_else(document):
    created = document["paths"]["/api/templates/"]["post"]["responses"]["201"]
    preview = document["paths"]["/api/templates/{letter_type}/preview/"]["get"]
    (kind,) = (one["schema"] for one in preview["parameters"] if one["name"] == "letter_type")
    assert created["links"]["letter_preview"]["parameters"] == {"letter_type": "$response.body#/letter_type"}
    assert created["links"]["template_retrieve"]["parameters"] == {"id": "$response.body#/id"}
    matches = [
        text for text in ("statement", "approval", "approvals", "1") if re.search(kind["pattern"], text)
    ]
    assert matches == ["statement", "approval"]


def test_fields_say_what_they_take(document):
    terms = document["components"]["schemas"]["CascadeRequest"]["properties"]
    assert terms["approved_amount"]["pattern"] == r"^\d{1,12}(?:\.\d{1,2})?$"
    assert terms["broker"]["minimum"] == 1
    assert terms["securities"]["maxItems"] == 50
    assert document["components"]["schemas"]["GuarantorSummary"]["properties"]["email"]["anyOf"]


def test_lists_say_what_they_order_by_and_that_other_values_match_nothing(document):
    operations_by_id = {op["operationId"]: op for _, _, op in operations(document)}
    parameters = {item["name"]: item for item in operations_by_id["application_list"]["parameters"]}
    assert "-loan_amount" in parameters["ordering"]["schema"]["items"]["enum"]
    assert {"type": "string"} in parameters["stage"]["schema"]["anyOf"]
    audit = {item["name"] for item in operations_by_id["audit_log_list"]["parameters"]}
    assert "search" not in audit
