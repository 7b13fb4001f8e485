"""Checking one row: who imports, and whom the cells name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.imports.columns import Errors

_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Importer:
    """The caller of an import, in the place where serializers look for the request's user."""

    user: Any


@dataclass(frozen=True)
class Named:
    """How a row is named otherwise than by its id: its model, by which lookup, and what that is called.

    `may_be_digits` is for names that could also be taken for an id.
    """

    model: Any
    lookup: str
    what: str
    may_be_digits: bool = False


class Names:
    """Finds what cells name, with the rights of one user, and remembers it."""

    def __init__(self, user: Any, columns: Mapping[str, Named]) -> None:
        self.user = user
        self.columns = columns
        self._ids: dict[tuple[str, str], int | str] = {}

    def resolve(self, cells: dict[str, Any]) -> Errors:
        """Put ids in the place of names; what was not found is taken out, and returned with its errors."""
        errors: Errors = {}
        for column in self.columns:
            if column not in cells:
                continue
            found = self._id_of(column, cells[column])
            if isinstance(found, str):
                errors[column] = [found]
                del cells[column]
            else:
                cells[column] = found
        return errors

    def _id_of(self, column: str, text: str) -> int | str:
        """The id meant by a cell, or what is wrong with it."""
        by_id = bool(_ID.fullmatch(text))
        if by_id and not self.columns[column].may_be_digits:
            return int(text)
        if (column, text) not in self._ids:
            self._ids[column, text] = self._looked_up(self.columns[column], text, by_id=by_id)
        return self._ids[column, text]

    def _looked_up(self, named: Named, text: str, *, by_id: bool) -> int | str:
        visible = named.model.objects.visible_to(self.user)
        found = set(visible.filter(**{named.lookup: text}).values_list("pk", flat=True))
        what = named.what
        if by_id and found - {int(text)} and visible.filter(pk=int(text)).exists():
            return f"This is the {what} of one and the id of another. Name the one you mean in the other way."
        if len(found) == 1:
            return int(found.pop())
        if by_id:
            return int(text)
        several = f"There are several with this {what}; give the id."
        return several if found else f"There is none with this id or {what}."
