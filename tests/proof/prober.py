"""Schemathesis on our API: in this process, with real logins and the real database."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import orjson
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from rest_framework import serializers
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

from crm_backend.common.renderers import ORJSONRenderer
from tests.contract import resolved
from tests.factories import World
from tests.integration.addresses import address, sees
from tests.plugins.route_table import Operation, anonymous, operations, worded
from tests.proof.reading import is_documented
from tests.writes import as_if_none

# `PROOF_EXAMPLES=500` looks for longer and elsewhere at every run; without it a run can be repeated.
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "0"))
# The login is looked at before what was sent: it is enough to leave it out at so many requests of each.
LOGINS_LEFT_OUT = 8
# A stale or made-up `If-Match` is 412 before anything else is looked at.
ALSO_EXPECTED = ["412"]
REPLACED = ("positive_data_acceptance", "negative_data_rejection")
load_all_checks()
DOCUMENTED = [operation for operation in operations() if operation.documented]


def search(usual: int) -> settings:
    """How long to look: `usual` examples, the same at every run, or as many others as were asked for."""
    return settings(
        max_examples=EXAMPLES or usual,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


def make_schema() -> Any:
    """The document as schemathesis reads it, answered by our own application."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(_plain(document))
    schema.app = closing(get_wsgi_application())
    # NUL is refused in every text, as PostgreSQL cannot keep it; JSON Schema would say so in each of them.
    schema.config.generation.allow_x00 = False
    for name in REPLACED:
        setting = getattr(schema.config.checks, name)
        setting.expected_statuses = [*setting.expected_statuses, *ALSO_EXPECTED]
    return schema


def closing(application: Any) -> Any:
    """The application under a server that closes each reply, and so the files that came with its request."""

    def answer(environ: Any, start_response: Any) -> Any:
        reply = application(environ, start_response)
        if getattr(reply, "streaming", False):
            return reply
        try:
            return [b"".join(reply)]
        finally:
            reply.close()

    return answer


def check(name: str) -> Any:
    """A check of schemathesis."""
    return CHECKS.get_one(name)


def _plain(document: Any) -> Any:
    return orjson.loads(ORJSONRenderer().render(document))


# --- our reading of two checks --------------------------------------------------------------------

# Messages about the form of a value: the document has to say as much. Bounds of decimals are left out:
# they are strings, for which JSON Schema has no bounds.
_FORM_FIELDS = (
    serializers.CharField,
    serializers.IntegerField,
    serializers.DateField,
    serializers.ChoiceField,
    serializers.BooleanField,
    serializers.ListField,
    serializers.RegexField,
    serializers.ModelSerializer,
)
_DECIMAL_FORM = ("invalid", "max_digits", "max_decimal_places", "max_whole_digits", "max_string_length")
_NOT_FORM = ("min_value", "max_value")


def _patterns() -> Iterator[str]:
    found = {
        str(message)
        for field in _FORM_FIELDS
        for parent in field.__mro__
        for code, message in getattr(parent, "default_error_messages", {}).items()
        if code not in _NOT_FORM
    }
    decimal = serializers.DecimalField.default_error_messages
    found |= {str(decimal[code]) for code in _DECIMAL_FORM}
    found |= {"There is no such field here.", "This value does not match the required pattern."}
    for message in found:
        yield re.sub(r"\\{\w+\\}", ".*", re.escape(message))


FORM = re.compile("|".join(f"(?:{pattern})" for pattern in sorted(_patterns())))


def messages(errors: Any) -> Iterator[str]:
    """Every message of an error document."""
    if isinstance(errors, dict):
        for item in errors.values():
            yield from messages(item)
    elif isinstance(errors, list):
        yield from map(str, errors)


def accepts_what_is_documented(ctx: Any, response: Any, case: Any) -> None:
    """`positive_data_acceptance`, where a rule of the domain may still refuse: a phone number, an ABN, an id.

    A refusal for the form of a value is a failure: the document should have said so.
    """
    try:
        check("positive_data_acceptance")(ctx, response, case)
    except RejectedPositiveData as failure:
        if _refuses_the_file(response, case):
            return
        raw = case.operation.definition.raw
        found = list(messages(response.json().get("errors")))
        form = [message for message in found if FORM.fullmatch(message)]
        like_body = "requestBody" in raw or raw["operationId"] in QUERIES_LIKE_BODIES
        if form or not found or not like_body:
            failure.message += f"\nRefused with: {form or response.json()}"
            raise


def _refuses_the_file(response: Any, case: Any) -> bool:
    """Whether an upload was refused for its content: no schema can say what is in a file."""
    reply = response.json()
    refused = reply.get("code") in ("unsupported_file", "unsafe_file")
    own = refused or set(reply.get("errors", {})) in ({"file"}, {"files"})
    return own and "multipart/form-data" in case.operation.definition.raw.get("requestBody", {}).get(
        "content", {}
    )


def refuses_what_is_not(ctx: Any, response: Any, case: Any) -> None:
    """`negative_data_rejection`, except for other spellings of documented values; see `reading`."""
    try:
        check("negative_data_rejection")(ctx, response, case)
    except AcceptedNegativeData:
        if not _is_another_spelling(case):
            raise


def _is_another_spelling(case: Any) -> bool:
    document, operation = case.operation.schema.raw_schema, case.operation.definition.raw
    for parameter in operation.get("parameters", []):
        if parameter.get("in") != "query" or not (case.query or {}).get(parameter["name"]):
            continue  # an empty filter is none, and nothing is asked of unknown ones
        value = case.query[parameter["name"]]
        if "array" in str(parameter["schema"].get("type")) and isinstance(value, str):
            value = value.split(",")
        if not is_documented(document, parameter["schema"], value):
            return False
    content = operation.get("requestBody", {}).get("content", {})
    if case.media_type == "multipart/form-data":
        # A form has fields or none, and an empty one says as much as none.
        given = case.body if isinstance(case.body, dict) else {}
        form = resolved(document, content["multipart/form-data"]["schema"])
        known = form.get("properties", {})
        sent = {name: _as_sent(value, known.get(name, {})) for name, value in given.items()}
        body = {name: value for name, value in sent.items() if not _is_blank(value)}
        return is_documented(document, form, body)
    media = content.get("application/json")
    return media is None or is_documented(document, media["schema"], case.body)


def replies_as_documented(ctx: Any, response: Any, case: Any) -> None:
    """`response_schema_conformance`; of rows of which only some members were asked, those and no others."""
    asked = (case.query or {}).get("fields")
    if not asked or response.status_code != 200:
        check("response_schema_conformance")(ctx, response, case)
        return
    names = set(asked if isinstance(asked, list) else asked.split(","))
    document, operation = case.operation.schema.raw_schema, case.operation.definition.raw
    schema = resolved(document, operation["responses"]["200"]["content"]["application/json"]["schema"])
    page = response.json()
    if "results" in page:
        schema = resolved(document, schema["properties"]["results"]["items"])
    part = {**schema, "required": sorted(names), "components": document["components"]}
    for row in page.get("results", [page]):
        assert set(row) == names, (names, row)
        Draft202012Validator(part).validate(row)


def _is_blank(value: Any) -> bool:
    """Whether it is a text without a character; a file's content is another kind of text."""
    return type(value) is str and not value


def _as_sent(value: Any, schema: dict[str, Any]) -> Any:
    """What a form makes of a value: text, or a file; of several for one field, the last."""
    if isinstance(value, list):
        texts = [_as_sent(one, {}) for one in value]
        return texts if "items" in schema else (texts or [""])[-1]
    return value if isinstance(value, str) else str(value)


# Their parameters are read by serializers, with rules of the domain between them, as a body is.
QUERIES_LIKE_BODIES = {
    "analytics_dashboard",
    "analytics_leads",
    "analytics_revenue",
    "analytics_team",
    "appointment_availability",
    "borrower_financial_summary",
    "borrower_duplicates",
    "broker_stats",
    "ledger_statement",
    "loan_payoff",
    "letter_preview",
    "template_preview",
    "reports_application_status",
    "reports_application_volume",
    "reports_arrears_ageing",
    "reports_broker_performance",
    "reports_commission",
    "reports_export",
    "reports_loan_portfolio",
    "reports_repayment_compliance",
    "team_member_performance",
}
OWN_CHECKS = [accepts_what_is_documented, refuses_what_is_not, replies_as_documented]


# --- asking -----------------------------------------------------------------------------------------


@contextmanager
def undone() -> Iterator[None]:
    """Nothing that happens inside stays in the database."""
    with as_if_none(transaction.atomic()):
        yield
        transaction.set_rollback(True)


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests do not close the connection that the test's transaction is on."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


Share = Callable[[int], bool]


class Corners:
    """The corners of an operation's schemas: to find them takes as long as to ask them, so only once.

    They are looked for as far as somebody asks.
    """

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.found: dict[str, list[Any]] = {}
        self.further: dict[str, Iterator[Any]] = {}

    def of(self, target: Any, most: int | None) -> list[Any]:
        """The first ones, or all of them."""
        if target.label not in self.found:
            self.found[target.label] = []
            self.further[target.label] = self.schema.iter_coverage_cases(
                target,
                generation_modes=list(GenerationMode),
                generation_config=self.schema.config.generation,
            )
        found = self.found[target.label]
        wanted = None if most is None else max(0, most - len(found))
        found += islice(self.further[target.label], wanted)
        return found[:most]


class Prober:
    """Asks operations as one user and collects what is wrong, each finding once."""

    def __init__(self, schema: Any, token: str, corners: Corners) -> None:
        self.schema, self.corners = schema, corners
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        self.found: dict[str, str] = {}
        self.asked = 0
        self.of_operation: Counter[str] = Counter()

    def ask(self, case: Any) -> None:
        """One request and its checks, and back to where we were."""
        headers = case.headers or {}
        if len(str(headers.get("If-Match", ""))) % 2:
            del headers["If-Match"]  # else nearly every edit ended as 412
        self.asked += 1
        self.of_operation[case.operation.label] += 1
        left_out = [] if self.of_operation[case.operation.label] <= LOGINS_LEFT_OUT else ["ignored_auth"]
        with undone():
            try:
                response = case.call(headers=self.headers)
                validate(case, response, self.headers, left_out)
            except FailureGroup as group:
                for failure in group.exceptions:
                    self._note(case, failure)
            except Failure as failure:
                self._note(case, failure)

    def _note(self, case: Any, failure: Any) -> None:
        title = f"{case.operation.label}: {type(failure).__name__}: {str(failure)[:300]}"
        self.found.setdefault(title, f"{title}\n  query {case.query}\n  body {str(case.body)[:500]}")

    def probe(
        self, operation: Operation, ids: dict[str, Any], examples: int, share: Share, most: int | None
    ) -> None:
        """The corners of every schema up to a number, a share of them, and some examples of either kind."""
        target = self.schema.find_operation_by_label(label_of(operation))
        for number, case in enumerate(self.corners.of(target, most)):
            if not share(number):
                continue
            if ids and case.meta is not None and not case.meta.is_negative_at(ParameterLocation.PATH):
                case.path_parameters.update(ids)
            self.ask(case)
        for mode in GenerationMode:
            self._search(target.as_strategy(mode, path_parameters=ids), examples)

    def _search(self, cases: Any, examples: int) -> None:
        @search(examples)
        @given(case=cases)
        def ask(case: Any) -> None:
            self.ask(case)

        try:
            ask()
        except Unsatisfiable:
            return  # it takes nothing that could be wrong


def validate(
    case: Any, response: Any, headers: dict[str, str], left_out: Sequence[str] = (), **kwargs: Any
) -> None:
    """All checks on a reply, or all but some."""
    case.validate_response(
        response,
        headers=headers,
        transport_kwargs={"headers": dict(headers)},
        excluded_checks=[check(name) for name in (*REPLACED, "response_schema_conformance", *left_out)],
        additional_checks=OWN_CHECKS,
        **kwargs,
    )


def label_of(operation: Operation) -> str:
    """As schemathesis calls it."""
    return f"{operation.method} {documented_path(operation)}"


def documented_path(operation: Operation) -> str:
    """The path with the document's own names of its parameters."""
    return _PATHS[anonymous(operation.path)]


def _paths() -> dict[str, str]:
    document = SchemaGenerator().get_schema(request=None, public=True)
    return {anonymous(worded(path)): path for path in document["paths"]}


_PATHS = _paths()


def ids_in(operation: Operation, world: World, role: str) -> dict[str, Any]:
    """Ids of our rows for the parameters of a path."""
    path = documented_path(operation)
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[\\w-]+)", path)
    match = re.fullmatch(pattern, address(operation, world, role))
    assert match is not None
    return {name: int(text) if text.isdigit() else text for name, text in match.groupdict().items()}


def areas() -> list[str]:
    """The tags of the document: tests are cut along them."""
    return sorted({tag for operation in DOCUMENTED for tag in operation.documented["tags"]})


def operations_of(area: str, role: str) -> list[Operation]:
    """What a role can address in an area."""
    return [op for op in DOCUMENTED if op.documented["tags"] == [area] and sees(op, role, "ours")]


def report(prober: Prober) -> None:
    """Fail with everything that was found."""
    if prober.found:
        pytest.fail(
            f"{len(prober.found)} of {prober.asked}:\n" + "\n".join(prober.found.values()), pytrace=False
        )
