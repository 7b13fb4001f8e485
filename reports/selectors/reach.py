"""Which cells, or rows, a report of a reader is summed from: by role and by the filters for people."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import F, Q

from brokers.models import Bdm, Broker, Partnership
from crm_backend.common.read_engine.statements import Kept
from reports.choices import Grain, Grouping, Level
from reports.registry import Filters
from users.choices import Role
from users.models import User

Condition = tuple[str, list[Any]]
NOTHING: Condition = ("false", [])
EVERYTHING: Condition = ("true", [])
FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class Source:
    """Cells of one level.

    `of_one`: of one person, whose cells of a topic are a page or two. `of_some`: of a list of brokers, each
    of whom is looked up.
    """

    level: Level
    where: Condition
    of_one: bool = False
    of_some: bool = False


@dataclass(frozen=True)
class Reach:
    """What a reader's report covers. A BDM's is what is theirs or their branch's, as in lists.

    `payees`: for commissions, which follow their payee, the condition on those whose the reader may see; None
    for all. Referral partners are among them, by their partnership's id below zero.
    `narrowed`: what else is asked of people, by the columns `narrowed_by`; it is asked of cells only.
    """

    role: str
    broker: int | None
    bd: int | None
    branch: int | None
    own_bd: int = -1
    own_branch: int = -1
    payees: Condition | None = None
    narrowed: Condition = EVERYTHING
    narrowed_by: frozenset[str] = frozenset()

    def rows(self, *, of_commissions: bool = False, of_listed: bool = False, plus: str = "") -> Condition:
        """The condition on the dimensions of a row.

        `of_listed`: of payees who were found under it. `plus`: " + 0" where no index is to be entered.
        """
        parts, params = [], []
        for name in ("broker", "bd", "branch"):
            if (value := getattr(self, name)) is not None:
                parts.append(f"{name}{plus} = %s::bigint")
                params.append(value)
        if of_commissions:
            if self.payees is not None and not of_listed:
                parts.append(self.payees[0])
                params += self.payees[1]
        elif self.role == Role.BD:
            parts.append(f"(branch{plus} = %s::bigint OR bd{plus} = %s::bigint)")
            params += [self.own_branch, self.own_bd]
        return " AND ".join(parts) or "true", params

    def of_person(self) -> Q:
        """A condition on applications that holds for all that levels of one BDM or broker cover.

        Raises:
            LookupError: it is not of one.
        """
        if self.broker is not None:
            return Q(broker_id=self.broker)
        if self.bd is None and self.role != Role.BD:
            raise LookupError("a list of all people is asked for what is not kept by people")
        if self.is_shared:
            return Q(bd_id=self.own_bd) & (~Q(branch_id=self.own_branch) | Q(branch_id=None))
        return Q(bd_id=self.own_bd if self.bd is None else self.bd)

    @property
    def is_shared(self) -> bool:
        """Whether it is a BDM's branch together with their own applications elsewhere."""
        return self.role == Role.BD and self.broker is None and self.bd is None and self.branch is None

    def cells(self, by: tuple[str, ...], *, of_commissions: bool = False) -> list[Source]:
        """The levels to add up: the coarsest that can tell."""
        found = self._levels({*by, *self.narrowed_by}, of_commissions=of_commissions)
        if not self.narrowed_by:
            return found
        also, values = self.narrowed
        return [replace(one, where=(f"{one.where[0]} AND {also}", [*one.where[1], *values])) for one in found]

    def _levels(self, by: set[str], *, of_commissions: bool) -> list[Source]:
        rows = self.rows(of_commissions=of_commissions)
        if self.broker is not None or (of_commissions and self.payees is not None):
            of_one = self.broker is not None
            return [Source(Level.BROKER, rows, of_one, of_some=not of_one)]
        listed = Level.BROKER if "broker" in by else Level.BDM
        if self.is_shared and not of_commissions:
            own = ("branch = %s::bigint", [self.own_branch])
            others = ("bd = %s::bigint AND branch <> %s::bigint", [self.own_bd, self.own_branch])
            own_level = listed if {"bd", "broker"} & by else Level.BRANCH
            return [Source(own_level, own), Source(listed, others, of_one=True)]
        if self.bd is not None or {"bd", "broker"} & by:
            return [Source(listed, rows, of_one=self.bd is not None)]
        if self.role == Role.BD and self.branch != self.own_branch:
            return [Source(Level.BDM, rows, of_one=True)]
        if self.branch is not None:
            return [Source(Level.BRANCH, ("branch = %s::bigint", [self.branch]))]
        return [Source(Level.BRANCH if "branch" in by else Level.BOOK, EVERYTHING)]


def _visible_payees(given: Any) -> Any:
    reader = User(pk=given("user", 1), role=Role.BD)
    brokers = Broker.objects.visible_to(reader).order_by().values_list("pk")
    partners = Partnership.objects.visible_to(reader).order_by().values_list(F("pk") * -1)
    return brokers.union(partners, all=True)


# Compiled once: to put such a query together takes longer than to answer it.
_PROFILES = {
    Role.BD: Kept(lambda given: Bdm.objects.filter(user=given("user", 1)).values_list("pk", "branch_id")),
    Role.BROKER: Kept(lambda given: Broker.objects.filter(user=given("user", 1)).values_list("pk")),
}
_PAYEES = Kept(_visible_payees)


def reach_of(reader: Any, filters: Filters) -> Reach:
    """The reach of a reader; somebody without a profile reaches nothing."""
    wanted: dict[str, Any] = {"broker": filters.broker_id, "bd": filters.bd_id, "branch": filters.branch_id}
    if reader.role == Role.ADMIN:
        return Reach(role=reader.role, **wanted)
    profile = _PROFILES.get(reader.role)
    user = {"user": reader.pk}
    found = profile.statement(**user).run(user) if profile else []
    if reader.role == Role.BD:
        if not found:
            return Reach(role=reader.role, **wanted, payees=NOTHING)
        ((own_bd, own_branch),) = found
        visible = _PAYEES.statement(**user)
        payees = (f"broker = ANY(ARRAY({visible.sql}))", visible.bind(user))
        return Reach(role=reader.role, **wanted, own_bd=own_bd, own_branch=own_branch, payees=payees)
    own = found[0][0] if found else -1
    if wanted["broker"] not in (None, own):
        own = -1
    return Reach(role=reader.role, **{**wanted, "broker": own}, payees=("broker = %s::bigint", [own]))


@dataclass(frozen=True)
class Span:
    """Cells of a period, to be added, or with `sign` -1 to be taken off.

    `first` and `last` are the first days of its first and last cell.
    """

    grain: Grain
    first: date
    last: date
    sign: int = 1


@lru_cache(maxsize=1000)
def spans(first: date | None, last: date | None, grouping: Grouping | None) -> Sequence[Span]:
    """A period as whole years, whole months and days: few cells. As fine as the grouping needs.

    Sums are linear, so most of a year is the year less its other months, and most of a month likewise.
    """
    return tuple(_spans(first, last, grouping))


def _spans(first: date | None, last: date | None, grouping: Grouping | None) -> list[Span]:
    start, end = first or FIRST, last or LAST
    if end < start:
        return []
    if grouping in (Grouping.DAY, Grouping.WEEK):
        return [Span(Grain.DAY, start, end)]
    if (start, end) == (FIRST, LAST) and grouping is None:
        return [Span(Grain.EVER, FIRST, FIRST)]
    if month_of(start) == month_of(end):
        months, days = _parts(start.day, end.day, _month_end(start).day)
        found = [Span(Grain.MONTH, start.replace(day=1), end.replace(day=1))] if months else []
        return found + [_days(start, *part) for part in days]
    before, head = _parts(start.day, _month_end(start).day, _month_end(start).day)
    after, tail = _parts(1, end.day, _month_end(end).day)
    partial = [_days(start, *part) for part in head] + [_days(end, *part) for part in tail]
    from_month, to_month = month_of(start) + (not before), month_of(end) - (not after)
    if from_month > to_month:
        return partial
    if grouping is Grouping.MONTH:
        return [Span(Grain.MONTH, first_of(from_month), first_of(to_month)), *partial]
    return [*_years_and_months(from_month, to_month), *partial]


def _years_and_months(first: int, last: int) -> list[Span]:
    """Whole months, as years where that is fewer cells."""
    (from_year, start), (to_year, end) = divmod(first, 12), divmod(last, 12)
    if from_year == to_year:
        years, months = _parts(start + 1, end + 1, 12)
        found = [Span(Grain.YEAR, date(from_year, 1, 1), date(from_year, 1, 1))] if years else []
        return found + [_months(from_year, *part) for part in months]
    before, head = _parts(start + 1, 12, 12)
    after, tail = _parts(1, end + 1, 12)
    from_year, to_year = from_year + (not before), to_year - (not after)
    found = [Span(Grain.YEAR, date(from_year, 1, 1), date(to_year, 1, 1))] if from_year <= to_year else []
    found += [_months(first // 12, *part) for part in head]
    return found + [_months(last // 12, *part) for part in tail]


def _parts(first: int, last: int, of: int) -> tuple[bool, list[tuple[int, int, int]]]:
    """Parts of a whole of so many, as few as can be: whether the whole is one, and the others with signs."""
    wanted = last - first + 1
    if wanted < of and wanted <= 1 + of - wanted:
        return False, [(first, last, 1)]
    rest = [(1, first - 1, -1), (last + 1, of, -1)]
    return True, [part for part in rest if part[0] <= part[1]]


def _days(of: date, first: int, last: int, sign: int) -> Span:
    return Span(Grain.DAY, of.replace(day=first), of.replace(day=last), sign)


def _months(year: int, first: int, last: int, sign: int) -> Span:
    return Span(Grain.MONTH, date(year, first, 1), date(year, last, 1), sign)


def month_of(day: date) -> int:
    """Months since the year 0."""
    return day.year * 12 + day.month - 1


def first_of(month: int) -> date:
    """The first day of a month that `month_of` counted."""
    return date(month // 12, month % 12 + 1, 1)


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def last_day(grain: Grain, day: date) -> date:
    """The last day of a period, of which this is the first."""
    if grain is Grain.EVER:
        return LAST
    if grain is Grain.YEAR:
        return day.replace(month=12, day=31)
    return _month_end(day) if grain is Grain.MONTH else day
