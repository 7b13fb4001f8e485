"""Every list: what it can be ordered by, filtered by and searched in has an index, or a reason why not.

`tests/project/test_plans.py` shows that PostgreSQL uses those of applications.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import connection

from applications.filters import ApplicationSearch
from applications.models import SearchDocument
from tests.plugins.route_table import Operation, operations

pytestmark = pytest.mark.django_db

LISTS = [op for op in operations() if op.action == "list" and op.policy is not None]

# Filters by a method, and the column that it looks at.
METHODS = {
    "leads follow_up_due": "follow_up_on",
    "applications stage": "stage",
    "borrowers is_company": "borrower_type",
    "customers is_company": "borrower_type",
    "users is_active": "status",
    "notifications is_read": "read_at",
}
FEW_ROWS = "a lender has some hundreds of them: reading all is as fast"
OWN = "only the caller's own rows are looked at, by an index that begins with their owner"
FEW_OF_ONE = "a borrower has some of them, found by an index that begins with the borrower"
FEW_VALUES = "few values, all of them common: walking in the list's order finds a page soon"
BY_KEYS = "a subquery of keys, served by the index of the linked table"
# By "resource kind name", `*` for any; one that is not needed any more fails.
EXEMPT = {
    "applications filter borrower": BY_KEYS,
    "borrowers filter has_applications": BY_KEYS,
    "borrower-merges filter is_undone": FEW_ROWS,
    "duplicate-pairs filter is_dismissed": FEW_VALUES,
    "duplicate-pairs filter borrower": BY_KEYS,
    "customers filter has_applications": BY_KEYS,
    "customers filter has_open_loan": BY_KEYS,
    "customers filter in_arrears": BY_KEYS,
    "customers filter min_balance": BY_KEYS,
    "notifications *": OWN,
    "bdms filter is_active": FEW_ROWS,
    "bdms ordering user__last_name": FEW_ROWS,
    "bdms search *": FEW_ROWS,
    "branches filter is_active": FEW_ROWS,
    "brokers filter is_active": FEW_VALUES,
    "products filter *": FEW_ROWS,
    "appointments filter kind": FEW_VALUES,
    "interactions filter kind": FEW_VALUES,
    "interactions filter direction": FEW_VALUES,
    "office-hours *": FEW_ROWS,
    "reviews *": FEW_ROWS,
    "notes filter visibility": FEW_VALUES,
    "chat-groups filter is_open": FEW_ROWS,
    "conversations filter kind": OWN,
    "messages filter application": BY_KEYS,
    "templates filter *": FEW_ROWS,
    "api-keys filter is_expired": FEW_ROWS,
    "documents filter visible_to_client": FEW_VALUES,
    "report-files *": OWN,
    "report-schedules filter is_paused": FEW_VALUES,
    "reminders filter recipient_type": FEW_VALUES,
    "assets *": FEW_OF_ONE,
    "liabilities *": FEW_OF_ONE,
    "jobs *": OWN,
    "sessions *": OWN,
    "team-members *": FEW_ROWS,
    "applications filter client_reference": "a partial index, of those that have one",
    "audit-logs filter subject_id": "ids mean something with subject_type only, whose index has them next",
    "audit-logs filter api_key": "a partial index, of what keys did",
    "borrowers filter tag": "a GIN index",
    "customers filter tag": "a GIN index",
    "brokers filter state": BY_KEYS,
    "commissions filter kind": FEW_VALUES,
    "commissions filter payee": FEW_VALUES,
    "partner-commissions filter kind": FEW_VALUES,
    "partner-commissions filter status": FEW_VALUES,
    "commissions filter status": FEW_VALUES,
    "users filter branch": BY_KEYS,
}


def resource(operation: Operation) -> str:
    return str(operation.policy.resource)


def indexes(model: Any) -> list[str]:
    """Definitions of all indexes of a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [model._meta.db_table])
        return [row[0] for row in cursor.fetchall()]


def leading(model: Any, after: str = "") -> set[str]:
    """Columns that an index begins with, after the parent's where rows are listed below a parent."""
    found = set()
    for one in indexes(model):
        match = re.search(rf"USING btree \({after}(\w+)[^)]*\)(?: WHERE \(?(\w+) IS NOT NULL)?(.*)", one)
        # Of partial indexes, those that leave out only what no filter on the column can find.
        if match and match[2] in (None, match[1]) and " WHERE " not in match[3]:
            found.add(match[1])
    return found


def column(model: Any, name: str) -> str | None:
    """The column of a name, if it is of this table."""
    try:
        return str(model._meta.get_field("id" if name == "pk" else name).column)
    except FieldDoesNotExist:
        return None


def has_trigrams(model: Any, name: str) -> bool:
    return any(
        re.search(rf"gin .*upper\(\(?\"?{name}\"?\)?(::text)?\) gin_trgm_ops", one) for one in indexes(model)
    )


def missing() -> Iterator[str]:
    for operation in LISTS:
        model, view = operation.view.queryset.model, operation.view
        parent = getattr(view, "parent_field", "")
        begun = leading(model, f"{parent}_id, ") | leading(model) if parent else leading(model)
        for name in {*getattr(view, "ordering_fields", ()), *(n.lstrip("-") for n in view.ordering)}:
            if column(model, name) not in begun:
                yield f"{resource(operation)} ordering {name}"
        for name, filtered in filters(view).items():
            looked_at = METHODS.get(f"{resource(operation)} {name}", filtered)
            if column(model, looked_at) not in begun:
                yield f"{resource(operation)} filter {name}"
        if ApplicationSearch in getattr(view, "filter_backends", ()):
            continue
        for name in getattr(view, "search_fields", ()):
            if not has_trigrams(model, name):
                yield f"{resource(operation)} search {name}"


def filters(view: Any) -> dict[str, str]:
    """By filter, the name of its field."""
    from crm_backend.common.filters import FilterBackend

    if not any(issubclass(backend, FilterBackend) for backend in view.filter_backends):
        return {}
    made = FilterBackend().get_filterset_class(view(), view.queryset)
    if made is None:
        return {}
    return {name: filtered.field_name for name, filtered in made.base_filters.items()}


def test_every_ordering_filter_and_search_has_an_index_or_a_reason() -> None:
    found = set(missing())
    without = [name for name in sorted(found) if not any(fnmatch(name, known) for known in EXEMPT)]
    assert not without, "\n".join(without)
    needless = [known for known in EXEMPT if not any(fnmatch(name, known) for name in found)]
    assert not needless, "\n".join(needless)


def test_applications_are_searched_by_trigrams() -> None:
    assert any("gin (text gin_trgm_ops)" in one for one in indexes(SearchDocument))


def test_no_index_begins_like_another() -> None:
    """An index whose columns another one begins with is work for every write and serves no reader."""
    for model in {operation.view.queryset.model for operation in LISTS} | {SearchDocument}:
        plain = [one for one in indexes(model) if " btree " in one and " WHERE " not in one]
        columns = {re.search(r"\((.*)\)", one)[1]: one for one in plain}  # type: ignore[index]
        for short, definition in columns.items():
            longer = [other for other in columns if other.startswith(f"{short}, ")]
            assert not longer or "UNIQUE" in definition, f"{definition} is the beginning of {longer}"
