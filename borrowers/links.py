"""How what refers to a borrower goes over to another one when the two are merged, and back again.

Every foreign key to `Borrower` has a link here, registered in the `merge_links` module of the app that owns
it; `unregistered()` names those without. What a move did is written down as plain JSON, and is all that
taking it back needs.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from borrowers.models import Borrower, BorrowerMerge

Record = dict[str, Any]
LINKS: "dict[str, Link]" = {}


@dataclass(frozen=True)
class Link:
    """A foreign key to a borrower whose rows simply follow."""

    model: type[Model]
    field: str = "borrower"

    @property
    def name(self) -> str:
        """Such as `borrowers.Asset.borrower`."""
        return f"{self.model._meta.label}.{self.field}"

    def rows(self, borrower: int) -> QuerySet[Any]:
        """Those of a borrower, locked, in order of their keys."""
        rows = self.model._base_manager.filter(**{self.field: borrower}).order_by("pk")
        return rows.select_for_update(of=("self",), no_key=True)

    def move(self, duplicate: int, survivor: int) -> Record:
        """Give all rows of the duplicate to the survivor, and say which they were."""
        return {"moved": self._give([row.pk for row in self.rows(duplicate)], survivor)}

    def restore(self, record: Record, duplicate: int, survivor: int) -> list[Any]:
        """Give back those that are still where the move put them; return the keys of the others."""
        there = set(self.rows(survivor).filter(pk__in=record["moved"]).values_list("pk", flat=True))
        self._give(sorted(there), duplicate)
        return [pk for pk in record["moved"] if pk not in there]

    def tell(self, record: Record, *, merge: BorrowerMerge, actor: Any) -> None:
        """Tell of the move where the app that owns the rows wants it told; nowhere by itself."""

    def _give(self, pks: list[Any], borrower: int) -> list[Any]:
        # Not by saving the rows: who they belong to is no edit of theirs.
        self.model._base_manager.filter(pk__in=pks).update(**{self.field: borrower})
        return pks


@dataclass(frozen=True)
class OrderedLink(Link):
    """A borrower's place in the list of something, where each is listed once.

    Where both are listed the survivor takes the earlier place, and the duplicate's row goes.
    """

    within: str = "application"
    place: str = "position"

    def move(self, duplicate: int, survivor: int) -> Record:
        """As `Link.move`, and what became of the places where both were."""
        theirs = list(self.rows(duplicate))
        owner = f"{self.within}_id"
        kept = {
            getattr(row, owner): row
            for row in self.rows(survivor).filter(
                **{f"{self.within}__in": [getattr(row, owner) for row in theirs]}
            )
        }
        dropped = []
        for row in theirs:
            if (stays := kept.get(getattr(row, owner))) is None:
                continue
            before = getattr(stays, self.place)
            after = min(before, getattr(row, self.place))
            columns = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
            dropped.append({"row": columns, "kept": stays.pk, "before": before, "after": after})
            row.delete()
            self.model._base_manager.filter(pk=stays.pk).update(**{self.place: after})
        alone = [row.pk for row in theirs if getattr(row, owner) not in kept]
        return {"moved": self._give(alone, survivor), "dropped": dropped}

    def restore(self, record: Record, duplicate: int, survivor: int) -> list[Any]:
        """As `Link.restore`; a row that went comes back where nobody has changed the list's order since."""
        left = super().restore(record, duplicate, survivor)
        attname = f"{self.field}_id"
        for gone in record["dropped"]:
            kept = self.rows(survivor).filter(pk=gone["kept"], **{self.place: gone["after"]})
            if not kept.update(**{self.place: gone["before"]}):
                left.append(gone["row"]["id"])
                continue
            self.model._base_manager.bulk_create([self.model(**{**gone["row"], attname: duplicate})])
        return left


def register(link: Link) -> None:
    """Say how the rows of a foreign key to `Borrower` follow a merge."""
    if link.name in LINKS:
        raise ValueError(f"{link.name} is registered twice")
    LINKS[link.name] = link


def unregistered() -> list[str]:
    """Foreign keys to `Borrower` that no merge would move, of whatever app."""
    return sorted(_foreign_keys() - LINKS.keys())


def _foreign_keys() -> set[str]:
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if field.related_model is Borrower
    }
