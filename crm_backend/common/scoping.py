"""Who sees which rows, declared once per model and applied by the base viewset.

A model whose rows not everyone may see gives its queryset class a `scopes` table, one row per
role::

    class LoanQuerySet(ScopedQuerySet):
        scopes = {
            "admin": EVERYTHING,
            "agent": Scope("theirs", lambda user: Q(agent__user=user)),
            "customer": through("parties"),
        }

A role that the table does not name sees nothing. The words are those of the roles page, which is
generated from these tables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

SelectRows = Callable[[models.QuerySet[Any], Any], Q]


@dataclass(frozen=True)
class Scope:
    """A named set of rows: the words that people read, and the condition that finds the rows."""

    label: str
    rows: SelectRows


def where(label: str, condition: Callable[[Any], Q]) -> Scope:
    """Rows that meet a condition on the user."""
    return Scope(label, lambda queryset, user: condition(user))


def one_id(rows: models.QuerySet[Any], name: str = "pk") -> models.Subquery:
    """The id in a column of the one row that there is at most, NULL without one.

    PostgreSQL reads it once, before it looks for rows, and so can use an index for `column = one_id(…)`
    where it would test every row against `column__in=rows`, above all in an OR.
    """
    return models.Subquery(rows.values(name))


def through(relation: str, label: str = "") -> Scope:
    """Rows linked by `relation` to rows that the user can see: children follow their parents.

    The related model is found from the relation itself, so a lower app can follow an upper one's
    visibility without importing it.
    """

    def rows(queryset: models.QuerySet[Any], user: Any) -> Q:
        field = queryset.model._meta.get_field(relation)
        visible = field.related_model._default_manager.visible_to(user)
        if field.concrete and not field.many_to_many:
            return Q(**{f"{relation}__in": visible})
        # A subquery of keys, not a join: a row linked twice must not be listed twice.
        linked = visible.filter(**{f"{field.remote_field.name}__isnull": False})
        return Q(pk__in=linked.values(field.remote_field.name))

    return Scope(label or f"those on visible {relation.replace('_', ' ')}", rows)


def any_of(*scopes: Scope) -> Scope:
    """Rows that at least one of the scopes selects."""

    def rows(queryset: models.QuerySet[Any], user: Any) -> Q:
        # Their union by key, each part found by indexes of its own: an OR would be asked of every row.
        everyone = queryset.model._base_manager.all()
        parts = [everyone.filter(scope.rows(queryset, user)).values("pk") for scope in scopes]
        return Q(pk__in=parts[0].union(*parts[1:]))

    return Scope(", or ".join(scope.label for scope in scopes), rows)


EVERYTHING = Scope("all", lambda queryset, user: ~Q(pk__in=[]))


class ScopedQuerySet(models.QuerySet[Any]):
    """A queryset that knows which of its rows a user may see, by the user's role."""

    scopes: ClassVar[Mapping[str, Scope]] = {}

    def visible_to(self, user: Any) -> Self:
        """Return the rows that this user may see; none without a role in the table."""
        scope = self.scopes.get(getattr(user, "role", ""))
        if scope is None or not user.is_active:
            return self.none()
        if scope is EVERYTHING:
            return self.all()
        return self.filter(scope.rows(self, user))

    def lock(self) -> Self:
        """Lock these rows for this transaction, in primary key order so that two never deadlock."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)
