"""Checking one row: first how its cells look, then by the serializer that the API itself uses."""

from collections.abc import Sequence
from typing import Any, cast

from rest_framework import serializers

from applications.imports.columns import (
    BORROWER,
    BY_NAME,
    COMPANY_ONLY,
    PERSON_ONLY,
    body_of,
    by_column,
)
from applications.serializers.applications import CascadeSerializer
from borrowers.models import Borrower
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.serializers import VisiblePrimaryKeyField
from crm_backend.common.spreadsheets import Row, repeated
from jobs.imports.columns import Errors, wrong_looks
from jobs.imports.rows import Importer, Named, Names
from users.choices import Role

# How people and branches may be named instead of by id. No address is all digits; a code may be.
NAMED = {
    "broker": Named(Broker, "email__iexact", "e-mail address"),
    "bd": Named(Bdm, "user__email__iexact", "e-mail address"),
    "branch": Named(Branch, "code", "code", may_be_digits=True),
}


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
        self.names = Names(user, NAMED)
        self._repeated = repeated(
            (row.number, row.cells["client_reference"]) for row in rows if "client_reference" in row.cells
        )

    def check(self, row: Row) -> tuple[dict[str, Any], Errors]:
        """What to write, or why not."""
        ambiguous = _of_borrower(row)
        errors = {
            **self._of_reference(row),
            **wrong_looks(row, BY_NAME),
            **ambiguous,
            **self._own,
            **row.errors,
        }
        cells: dict[str, Any] = {
            name: text
            for name, text in row.cells.items()
            if name not in errors and not (ambiguous and BY_NAME[name].part == BORROWER)
        }
        errors |= self.names.resolve(cells)
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
