"""Asks the API like a client, and the database how it answered."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.urls import resolve
from rest_framework.test import APIRequestFactory, force_authenticate

Statement = tuple[str, Any]

# Tables that grow with the book.
LARGE = {
    "applications_application", "applications_applicationborrower", "applications_searchdocument",
    "applications_security", "applications_stagechange", "borrowers_borrower", "documents_note",
    "events_event",
}  # fmt: skip


def reply_to(user: Any, address: str) -> Any:
    """What the view answers to this user; nothing is rendered."""
    request = APIRequestFactory().get(address, headers={"host": "localhost"})
    force_authenticate(request, user)
    match = resolve(address.partition("?")[0])
    reply = match.func(request, *match.args, **match.kwargs)
    if reply.status_code != 200:
        raise ValueError(f"{address}: {reply.status_code} {reply.data}")
    return reply


def statements_of(user: Any, address: str) -> list[Statement]:
    """The queries that the answer takes."""
    found: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "WITH")):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        reply_to(user, address)
    return found


@dataclass(frozen=True)
class Plan:
    """How PostgreSQL executed a statement: `EXPLAIN (ANALYZE, BUFFERS)`."""

    sql: str
    found: dict[str, Any]

    @property
    def nodes(self) -> Iterator[dict[str, Any]]:
        """Every node of the tree, but of a page's statement not those that count beside it."""
        waiting = [self.found["Plan"]]
        while waiting:
            node = waiting.pop()
            waiting += [part for part in node.get("Plans", []) if not _counts_beside(part)]
            yield node

    @property
    def counts(self) -> "Iterator[Plan]":
        """The parts of a page's statement that count beside it, as plans of their own."""
        for node in self.nodes:
            for part in filter(_counts_beside, node.get("Plans", [])):
                yield Plan(f"SELECT count(*) beside {self.sql}", {"Plan": part})

    @property
    def is_count(self) -> bool:
        """Whether it counts for paging by offset, by itself or with a page of all that a search finds."""
        return self.sql.upper().startswith(("SELECT COUNT(", "WITH FOUND "))

    @property
    def tables(self) -> set[str]:
        """Tables that were looked at in any way."""
        return {node["Relation Name"] for node in self.nodes if "Relation Name" in node}

    def visited(self, tables: Collection[str]) -> int:
        """Rows of these tables that were looked at."""
        return sum(_visited(node) for node in self.nodes if node.get("Relation Name") in tables)

    @property
    def read_whole(self) -> set[str]:
        """Tables that were read from end to end."""
        return {
            node["Relation Name"]
            for node in self.nodes
            if node["Node Type"] == "Seq Scan" and node.get("Actual Loops", 1)
        }

    @property
    def read_whole_for_rows(self) -> set[str]:
        """Tables that were read from end to end, but not only to count their rows."""
        waiting, found = [self.found["Plan"]], set()
        while waiting:
            node = waiting.pop()
            if node["Node Type"] == "Seq Scan":
                found.add(node["Relation Name"])
            if not (node["Node Type"] == "Aggregate" and node.get("Strategy") == "Plain"):
                waiting += node.get("Plans", [])
        return found

    @property
    def sorted_rows(self) -> int:
        """Rows that went into the largest sort."""
        sorts = (node for node in self.nodes if node["Node Type"] == "Sort")
        return max((int(node["Plans"][0]["Actual Rows"]) for node in sorts), default=0)

    @property
    def buffers(self) -> int:
        """Pages that were looked at."""
        top = self.found["Plan"]
        return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    @property
    def milliseconds(self) -> float:
        """Time to plan and to execute."""
        return float(self.found["Planning Time"] + self.found["Execution Time"])

    @property
    def scans(self) -> list[str]:
        """The scans that looked at most, by index or table."""
        scans = [
            node
            for node in self.nodes
            if "Scan" in node["Node Type"] and "Bitmap Heap" not in node["Node Type"]
        ]
        busiest = sorted(scans, key=_visited, reverse=True)
        names = [
            node.get("Index Name") or f"{node['Node Type']} {node.get('Relation Name', '')}"
            for node in busiest
        ]
        return list(dict.fromkeys(names))


def _counts_beside(node: dict[str, Any]) -> bool:
    """Whether a node counts, once and for the whole of the statement that it is a part of."""
    return node.get("Parent Relationship") == "InitPlan" and bool(node["Node Type"] == "Aggregate")


def _visited(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


def explain(statement: Statement) -> Plan:
    """Execute a statement and return its plan."""
    sql, params = statement
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone() or ("",)
    plans = json.loads(found) if isinstance(found, str) else found
    return Plan(sql, plans[0])


def plans_of(user: Any, address: str) -> list[Plan]:
    """The plans of all queries that an answer takes; of a page and its count in one, each its own."""
    found = [explain(statement) for statement in statements_of(user, address)]
    return [part for plan in found for part in (*plan.counts, plan)]
