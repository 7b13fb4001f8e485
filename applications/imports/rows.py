"""Checking one row: first how its cells look, then by the serializer that the API itself uses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from rest_framework import serializers

from applications.imports.columns import (
    BORROWER,
    BY_NAME,
    COMPANY_ONLY,
    PERSON_ONLY,
    Errors,
    Kind,
    body_of,
    by_column,
)
from applications.serializers.applications import CascadeSerializer
from borrowers.models import Borrower
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.serializers import VisiblePrimaryKeyField
from crm_backend.common.spreadsheets import Row, repeated
from users.choices import Role

# Stricter than Python's own parsers, which take `1_000`, `1e5` and dates by weeks.
_LOOKS = {
    Kind.NUMBER: (
        re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?"),
        "Write a number as 450000.00: no thousands separators, no currency.",
    ),
    Kind.DATE: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "Write a date as 2027-03-31 (year-month-day)."),
    Kind.ID: (re.compile(r"[0-9]{1,18}"), "Write an id as digits."),
}
_ID = re.compile(r"[0-9]{1,18}")
# How a person may be named instead of by id.
_LOOKUPS: dict[str, tuple[Any, str, str]] = {
    "broker": (Broker, "email__iexact", "e-mail address"),
    "bd": (Bdm, "user__email__iexact", "e-mail address"),
    "branch": (Branch, "code", "code"),
}


@dataclass(frozen=True)
class Importer:
    """The caller of an import, in the place where serializers look for the request's user."""

    user: Any


class ImportRowSerializer(CascadeSerializer):
    """An application as the API creates it, with the importer's reference and perhaps a known borrower."""

    client_reference = serializers.CharField(max_length=64)
    existing_borrower = VisiblePrimaryKeyField(queryset=Borrower.objects.all(), required=False)

    class Meta(CascadeSerializer.Meta):
        fields = [*CascadeSerializer.Meta.fields, "client_reference", "existing_borrower"]


class RowChecker:
    """Checks the rows of one file with the rights of one user, and remembers whom it has looked up."""

    def __init__(self, user: Any, rows: Sequence[Row]) -> None:
        # One for all rows, as a list serializer has one child for all its items: making it is what costs.
        self.serializer = ImportRowSerializer(context={"request": Importer(user)})
        self.user = user
        # What the service would say of every row, for dry runs to say it as well.
        self._own: Errors = {}
        if user.role == Role.BROKER and getattr(user, "broker", None) is None:
            self._own = {"broker": ["Your login has no broker profile yet. Ask the lender for one."]}
        self._ids: dict[tuple[str, str], int | str] = {}
        self._repeated = repeated(
            (row.number, row.cells["client_reference"]) for row in rows if "client_reference" in row.cells
        )

    def check(self, row: Row) -> tuple[dict[str, Any], Errors]:
        """What to write, or why not."""
        ambiguous = _of_borrower(row)
        errors = {**self._of_reference(row), **_of_looks(row), **ambiguous, **self._own, **row.errors}
        cells: dict[str, Any] = {
            name: text
            for name, text in row.cells.items()
            if name not in errors and not (ambiguous and BY_NAME[name].part == BORROWER)
        }
        for name in _LOOKUPS:
            if name in cells:
                found = self._id_of(name, cells[name])
                if isinstance(found, str):
                    errors[name] = [found]
                    del cells[name]
                else:
                    cells[name] = found
        try:
            data = self.serializer.run_validation(body_of(cells))
        except serializers.ValidationError as error:
            # What is wrong with a cell's look has been said; that it is then missing is no news.
            return {}, {**by_column(cast(dict[str, Any], error.detail)), **errors}
        return ({}, errors) if errors else (dict(data), {})

    def others_with_reference_of(self, row: Row) -> list[int]:
        """Numbers of the other rows with the same reference."""
        numbers = self._repeated.get(row.cells.get("client_reference", ""), [])
        return [number for number in numbers if number != row.number]

    def _of_reference(self, row: Row) -> Errors:
        others = ", ".join(str(number) for number in self.others_with_reference_of(row)[:10])
        return {"client_reference": [f"Also in row {others}. Each may be there once."]} if others else {}

    def _id_of(self, name: str, text: str) -> int | str:
        """The id meant by a cell, or what is wrong with it."""
        by_id = bool(_ID.fullmatch(text))
        if by_id and name != "branch":  # no address is all digits
            return int(text)
        if (name, text) not in self._ids:
            self._ids[name, text] = self._looked_up(name, text, by_id=by_id)
        return self._ids[name, text]

    def _looked_up(self, name: str, text: str, *, by_id: bool) -> int | str:
        model, lookup, what = _LOOKUPS[name]
        visible = model.objects.visible_to(self.user)
        found = set(visible.filter(**{lookup: text}).values_list("pk", flat=True))
        if by_id and found - {int(text)} and visible.filter(pk=int(text)).exists():
            return f"This is the {what} of one and the id of another. Name the one you mean in the other way."
        if len(found) == 1:
            return found.pop()
        if by_id:
            return int(text)
        several = f"There are several with this {what}; give the id."
        return several if found else f"There is none with this id or {what}."


def _of_looks(row: Row) -> Errors:
    """Cells that do not look like what their column holds."""
    return {
        name: [_LOOKS[kind][1]]
        for name, text in row.cells.items()
        if (kind := BY_NAME[name].kind) in _LOOKS and not _LOOKS[kind][0].fullmatch(text)
    }


def _of_borrower(row: Row) -> Errors:
    """A row names one borrower in one way."""
    named = [name for name in row.cells if BY_NAME[name].part == BORROWER]
    if "borrower_id" in row.cells and named:
        return {"borrower_id": [f"Leave {', '.join(named)} empty, or this."]}
    company = [name for name in COMPANY_ONLY if name in row.cells]
    person = [name for name in PERSON_ONLY if name in row.cells]
    if company and person:
        return {company[0]: ["The borrower is a person or a company, not both."]}
    return {}
