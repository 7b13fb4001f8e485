"""Checking one row: first how its cells look, then by the serializer that the API itself uses."""

from typing import Any, cast

from rest_framework import serializers

from brokers.models import Branch
from crm_backend.common.serializers import VisiblePrimaryKeyField
from crm_backend.common.spreadsheets import Row
from engagement.imports.columns import BY_NAME
from engagement.serializers.leads import LeadInputSerializer
from jobs.imports.columns import Errors, wrong_looks
from jobs.imports.rows import Importer, Named, Names
from users.choices import Role
from users.models import User

NAMED = {
    "branch": Named(Branch, "code", "code", may_be_digits=True),
    "assignee": Named(User, "email__iexact", "e-mail address"),
}
# Whose it is to say; the leads of others are of their branch, or their own.
MAY_NAME = {"branch": (Role.ADMIN,), "assignee": (Role.ADMIN, Role.BD)}


class ImportLeadSerializer(LeadInputSerializer):
    """A lead as the API takes it, with its branch and whose it is."""

    branch = VisiblePrimaryKeyField(queryset=Branch.objects.filter(is_active=True), required=False)
    assignee = VisiblePrimaryKeyField(queryset=User.objects.all(), required=False)

    class Meta(LeadInputSerializer.Meta):
        fields = [*LeadInputSerializer.Meta.fields, "branch", "assignee"]


class RowChecker:
    """Checks the rows of one file with the rights of one user."""

    def __init__(self, user: Any) -> None:
        # One for all rows: making it is what costs.
        self.serializer = ImportLeadSerializer(context={"request": Importer(user)})
        self.user = user
        self.names = Names(user, NAMED)

    def check(self, row: Row) -> tuple[dict[str, Any], Errors]:
        """What to write, or why not."""
        errors = {**self._not_theirs(row), **wrong_looks(row, BY_NAME), **row.errors}
        cells: dict[str, Any] = {name: text for name, text in row.cells.items() if name not in errors}
        errors |= self.names.resolve(cells)
        try:
            data = self.serializer.run_validation(cells)
        except serializers.ValidationError as error:
            # What is wrong with a cell's look has been said; that it is then missing is no news.
            found = cast(dict[str, Any], error.detail)
            return {}, {**{name: [str(one) for one in found[name]] for name in found}, **errors}
        return ({}, errors) if errors else (dict(data), {})

    def _not_theirs(self, row: Row) -> Errors:
        """Cells that others may fill in."""
        return {
            name: ["This is not yours to set."]
            for name, roles in MAY_NAME.items()
            if name in row.cells and self.user.role not in roles
        }
