"""Nobody learns of a row that is not theirs to see: by a list, a page, a filter, an id, a body or an error.

What each user may see comes from `oracle`, not from the product. A case is one decision about one row: for
one user and one reply, whether the row may be in it. A list that is walked to its end decides every row of
its model; a filtered one every row that it shows, and every hidden row, which it must not; any other request
is one case. At least a hundred thousand cases in at least ten thousand requests, all with real logins through
the whole middleware.
"""

import json
import random
import re
from collections import Counter
from typing import Any

import pytest

from applications.serializers.people import KnownUserField
from documents.models import Document, DocumentVersion
from servicing.models import Loan
from tests.integration.addresses import MISSING
from tests.integration.bodies import BODIES
from tests.plugins.route_table import Operation, operations
from tests.proof.book import Book
from tests.proof.prober import undone
from tests.proof.shapes import serializer_of
from tests.writes import fingerprint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CASES, REQUESTS = 100_000, 10_000
LISTED, DETAILS, WRITES, REFERENCES = 3200, 3000, 2200, 1600
done: Counter[str] = Counter()

OPERATIONS = [op for op in operations() if op.policy is not None]
LISTS = [op for op in OPERATIONS if op.method == "GET" and op.id.endswith("_list") and not op.parameters]
READS = [op for op in OPERATIONS if op.method == "GET" and op.parameters]
CHANGES = [op for op in OPERATIONS if op.method != "GET" and op.parameters]


def own_model(operation: Operation) -> Any:
    return operation.view.queryset.model


# Resources that are some of their model's rows: the lender's team are its administrators and BDMs.
NARROWED = {"team-members": lambda row: row["role"] in {"admin", "bd"}}


def reach(book: Book, operation: Operation, user: Any, name: str = "pk") -> set[Any]:
    """Keys of the rows that a user may see by a parameter of an address, or in the list."""
    model = operation.models().get(name) or own_model(operation)
    seen = book.oracle.visible(model, user)
    narrow = NARROWED.get(operation.policy.resource) if name == "pk" else None
    return {pk for pk in seen if narrow(book.oracle.rows(model)[pk])} if narrow else seen


def granted(operation: Operation, user: Any) -> bool:
    return user.role in operation.policy.actions.get(operation.policy_action, {})


def ask(book: Book, user: Any, operation: Operation, path: str, body: Any = None, /, **query: Any) -> Any:
    done["requests"] += 1
    client = book.api[user.pk]
    if operation.method == "GET":
        return client.get(path, query)
    return client.generic(
        operation.method, path, json.dumps({} if body is None else body), "application/json"
    )


def pages(book: Book, user: Any, operation: Operation, path: str, /, **query: Any):
    """Every page, by offset or by cursor."""
    reply = ask(book, user, operation, path, **query)
    assert reply.status_code == 200, reply.content
    page = reply.json()
    yield page
    while page["next"]:
        done["requests"] += 1
        page = book.api[user.pk].get(page["next"]).json()
        yield page


def without_ids(reply: Any, *ids: Any) -> tuple[int, str]:
    """A refusal without what makes it one's own."""
    text = json.dumps({**reply.json(), "request_id": "", "status": 0}, sort_keys=True)
    for pk in ids:
        text = re.sub(rf"\b{pk}\b", "#", text)
    return reply.status_code, text


def visible_path(book: Book, user: Any, values: dict[str, Any], operation: Operation) -> bool:
    """Whether a user sees every row in an address, and the child is the parent's."""
    if not all(values[name] in reach(book, operation, user, name) for name in operation.models()):
        return False
    child = book.oracle.rows(own_model(operation)).get(values.get("pk", 0), {})
    return all(child[name] == values[name] for name in values if name != "pk" and "pk" in values)


def answer_to_its_reader(book: Book, operation: Operation, values: dict[str, Any]) -> int:
    """200; of a loan that an application has not become yet 409."""
    of_loan = "LoanNotOpen" in str(operation.documented["responses"].get("409"))
    lent = {row["application_id"] for row in book.oracle.rows(Loan).values()}
    return 409 if of_loan and values["pk"] not in lent else 200


def some_values(book: Book, operation: Operation, chance: random.Random) -> dict[str, Any]:
    """Ids for an address; for a child, half the time those of a child and its parent."""
    values = {name: book.some_id(model) for name, model in operation.models().items()}
    if len(values) > 1 and chance.random() < 0.5:
        row = book.oracle.rows(own_model(operation)).get(values["pk"], {})
        # A commission of a partner has no broker, and no address below one.
        values |= {name: row[name] for name in values if row.get(name) is not None}
    return values


def a_list_is_exactly_what_its_reader_may_see(book, operation, paging):
    model = own_model(operation)
    for user in book.users:
        if not granted(operation, user):
            assert ask(book, user, operation, operation.path).status_code == 403
            continue
        query = {"cursor": "", "limit": 50} if paging == "cursor" else {"limit": 100}
        found = list(pages(book, user, operation, operation.path, **query))
        seen = reach(book, operation, user)
        shown = [row["id"] for page in found for row in page["results"]]
        assert sorted(shown) == sorted(seen), (user.role, model)
        assert all(page.get("count", len(seen)) == len(seen) for page in found)
        done["cases"] += len(book.oracle.rows(model))


# They choose members of rows, not rows.
MEMBERS = {"fields", "expand"}


def parameters(operation: Operation) -> dict[str, Any]:
    """By name, the schemas of the documented parameters of the query."""
    documented = operation.documented.get("parameters", [])
    return {item["name"]: item["schema"] for item in documented if item.get("in") == "query"}


def some_query(book: Book, operation: Operation, chance: random.Random) -> dict[str, Any]:
    """Any of the documented parameters with values of anybody's rows."""
    query: dict[str, Any] = {"limit": chance.choice([1, 5, 100])}
    known = {name: schema for name, schema in parameters(operation).items() if name not in MEMBERS}
    for name in chance.sample(sorted(known), min(len(known), chance.randrange(1, 4))):
        schema = known[name]
        choices = schema.get("enum") or (schema.get("anyOf") or [{}])[0].get("enum")
        if name == "search":
            query[name] = word(book, chance)
        elif schema.get("type") == "array":
            query[name] = chance.choice(schema["items"]["enum"])
        elif choices:
            query[name] = chance.choice(choices)
        elif schema.get("type") == "boolean":
            query[name] = chance.choice(["true", "false"])
        elif schema.get("type") == "integer" and name not in {"limit", "offset"}:
            query[name] = chance.randrange(1, 120)
        elif name == "offset":
            query[name] = chance.randrange(4)
    return query


def word(book: Book, chance: random.Random) -> str:
    """Text of anybody's row: a name, an address, a reference."""
    model = own_model(chance.choice(LISTS))
    rows = list(book.oracle.rows(model).values())
    row = chance.choice(rows) if rows else {}
    texts = [value for value in row.values() if isinstance(value, str) and value and " " not in value]
    return chance.choice(texts or ["nobody"])


def no_filter_search_or_ordering_shows_more(book):
    """What is found by a word has that word where its reader can see it."""
    chance = random.Random(2)
    for _ in range(LISTED):
        operation, user = chance.choice(LISTS), chance.choice(book.users)
        if not granted(operation, user):
            continue
        query = some_query(book, operation, chance)
        reply = ask(book, user, operation, operation.path, **query)
        assert reply.status_code == 200, (query, reply.content)
        page, seen = reply.json(), reach(book, operation, user)
        shown = [row["id"] for row in page["results"]]
        assert set(shown) <= seen, (operation, user.role, query)
        assert len(shown) <= page["count"] <= len(seen), (operation, user.role, query)
        done["cases"] += len(book.oracle.rows(own_model(operation))) - len(seen) + len(shown)
        if shown and "search" in query and f"{operation.path}{{pk}}/" in DETAIL:
            check_word(book, user, operation, query["search"], page["results"][0])


DETAIL = {operation.path: operation for operation in READS if operation.action == "retrieve"}


def check_word(book: Book, user: Any, operation: Operation, text: str, row: dict[str, Any]) -> None:
    """The row, its detail, or the row of another list that it names, contains the word."""
    detail = DETAIL[f"{operation.path}{{pk}}/"]
    reply = ask(book, user, detail, detail.path.format(pk=row["id"]))
    shown = json.dumps([row, reply.json()], ensure_ascii=False).casefold()
    shown += json.dumps(related(book, user, row), default=str).casefold()
    marks = ""
    if own_model(operation) is Document:
        # Found by the words of its text as well, of which punctuation is no part.
        shown += json.dumps([*text_of_versions(book, row["id"])], ensure_ascii=False).casefold()
        marks = ".:;!?"
    for part in text.replace(",", " ").split():
        assert part.casefold().strip(marks or None) in shown, (operation, user.role, text)
    done["cases"] += 1


def text_of_versions(book: Book, document: int) -> list[str]:
    """What is in a document's files."""
    versions = book.oracle.rows(DocumentVersion).values()
    return [row["text"] for row in versions if row["document_id"] == document]


def related(book: Book, user: Any, row: dict[str, Any]) -> list[Any]:
    """What the reader sees of the rows that a row names by their ids."""
    from django.apps import apps

    named = {model._meta.model_name: model for model in apps.get_models()} | {"bd": book.bdms[0].__class__}
    found = []
    for name, pk in row.items():
        model = named.get(name)
        if model is not None and pk in book.oracle.visible(model, user):
            found.append(book.oracle.rows(model)[pk])
    return found


def an_address_that_is_not_ones_own_leads_nowhere(book):
    """404, in the very words of an id that nobody ever had; a child under another's parent is no child."""
    chance = random.Random(3)
    missing: dict[tuple[str, int], Any] = {}
    for _ in range(DETAILS):
        operation, user = chance.choice(READS), chance.choice(book.users)
        values = some_values(book, operation, chance)
        reply = ask(book, user, operation, operation.at(values))
        if visible_path(book, user, values, operation):
            wanted = answer_to_its_reader(book, operation, values) if granted(operation, user) else 403
            assert reply.status_code == wanted, (operation, user.role)
        else:
            assert reply.status_code == 404, (operation, user.role, values)
            key = (operation.path, user.pk)
            if key not in missing:
                nobody = operation.at(dict.fromkeys(values, MISSING))
                missing[key] = without_ids(ask(book, user, operation, nobody))
            assert without_ids(reply) == missing[key]
        done["cases"] += 1


def nested_lists_show_what_the_lists_show(book):
    """Rows under an address are rows that the reader may see anyway, where they have their own."""
    chance = random.Random(4)
    nested = [op for op in READS if op.action != "retrieve" and shape(op) != "None"]
    for _ in range(DETAILS // 3):
        operation, user = chance.choice(nested), chance.choice(book.users)
        visible = [sorted(reach(book, operation, user, name)) for name in operation.models()]
        if not granted(operation, user) or not all(visible):
            continue
        values = dict(zip(operation.models(), map(chance.choice, visible), strict=True))
        paged = {"limit": 100} if "limit" in parameters(operation) else {}
        reply = ask(book, user, operation, operation.at(values), **paged)
        if reply.status_code == 404:
            continue  # a child of another parent
        assert reply.status_code == answer_to_its_reader(book, operation, values), (operation, reply.content)
        listed = next((op for op in LISTS if shape(op) == shape(operation)), None)
        for row in reply.json().get("results", []) if listed else []:
            assert listed is not None
            if user.role != "client" or operation.action not in {"borrowers", "guarantors"}:
                # A client reads the names of those on the own application, as its detail shows them.
                assert row["id"] in book.oracle.visible(own_model(listed), user), (operation, user.role)
            done["cases"] += 1
        done["cases"] += 1


def shape(operation: Operation) -> str:
    """The schema of its rows."""
    content = operation.documented["responses"].get("200", {}).get("content", {})
    return str(content.get("application/json", {}).get("schema"))


def nothing_of_others_can_be_changed(book):
    """A write outside is 404, with a good body and with an empty one, and no row of any table is another."""
    chance = random.Random(5)
    before, asked = fingerprint(), 0
    while asked < WRITES:
        operation, user = chance.choice(CHANGES), chance.choice(book.users)
        values = some_values(book, operation, chance)
        if visible_path(book, user, values, operation):
            continue
        body = {}
        if operation.takes_json and operation.id in BODIES and chance.random() < 0.2:
            with undone():  # bodies may make rows of their own
                body = BODIES[operation.id](book.world)
        reply = ask(book, user, operation, operation.at(values), body)
        assert reply.status_code == 404, (operation, user.role, values, reply.content)
        asked += 1
        done["cases"] += 1
    assert fingerprint() == before


def references(operation: Operation) -> list[tuple[str, Any, bool]]:
    """Fields of a body that name rows by id: name, model, several."""
    serializer = serializer_of(operation)
    found = []
    for name, field in getattr(serializer, "fields", {}).items():
        queryset = getattr(field, "queryset", None)
        model = getattr(queryset, "model", None)
        # Whom one works with on a visible application one can name, though not see as a user:
        # tests/integration/test_notes_api.py has the borders of that.
        if not field.read_only and model is not None and not isinstance(field, KnownUserField):
            found.append((name, model, not hasattr(field, "use_pk_only_optimization")))
    return found


REFERRING = [(op, *field) for op in OPERATIONS if op.takes_json for field in references(op)]


def an_id_in_a_body_that_is_not_ones_own_does_not_exist(book):
    """The refusal of a hidden id and of one that nobody has are the same but for the id."""
    chance = random.Random(6)
    assert REFERRING
    before, asked = fingerprint(), 0
    for _ in range(REFERENCES * 4):
        if asked >= REFERENCES:
            break
        (operation, name, model, several), user = chance.choice(REFERRING), chance.choice(book.users)
        hidden = sorted(set(book.oracle.rows(model)) - book.oracle.visible(model, user))
        seen = [sorted(reach(book, operation, user, parameter)) for parameter in operation.models()]
        if not hidden or not all(seen) or not granted(operation, user):
            continue
        values = dict(zip(operation.models(), map(chance.choice, seen), strict=True))
        path, pk = operation.at(values), chance.choice(hidden)
        if book.oracle.rows(own_model(operation)).get(values.get("pk"), {}).get(f"{name}_id") == pk:
            continue  # what is there already may be sent back; the reader is shown its id
        bodies = [{name: [value] if several else value} for value in (pk, MISSING)]
        ours, nobodys = (ask(book, user, operation, path, body) for body in bodies)
        assert without_ids(ours, pk) == without_ids(nobodys, MISSING), (operation, name, user.role)
        assert ours.status_code in {400, 403, 404}, (operation, name, user.role, ours.content)
        asked += 2
        done["cases"] += 2
    assert fingerprint() == before


@pytest.mark.django_db
def test_nobody_learns_of_rows_of_others():
    book = Book()
    for operation in LISTS:
        for paging in ("offset", "cursor"):
            a_list_is_exactly_what_its_reader_may_see(book, operation, paging)
    no_filter_search_or_ordering_shows_more(book)
    an_address_that_is_not_ones_own_leads_nowhere(book)
    nested_lists_show_what_the_lists_show(book)
    nothing_of_others_can_be_changed(book)
    an_id_in_a_body_that_is_not_ones_own_does_not_exist(book)
    assert done["requests"] >= REQUESTS, done
    assert done["cases"] >= CASES, done
