"""Which money pays what: a pure replay of everything that fell due and everything that came in.

No database and no clock. The same dues and moneys give the same shares, whatever the order in which they
were recorded; so a payment that is found out late, or taken back, is handled by replaying from the beginning.

The rules, day by day:

1. Money of the day joins the pool. Money meant for one due pays that first, even before it falls due.
2. Refunds of the day leave the pool.
3. The pool pays what has fallen due by the day: component by component in the loan's order, and of one
   component the oldest due first. Money that came first is used first.
4. What is left stays in the pool, for what falls due next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

ZERO = Decimal("0.00")


class Key(NamedTuple):
    """What is owed: `("repayment", id)` or `("fee", id)`."""

    kind: str
    pk: int


@dataclass(frozen=True, slots=True)
class Due:
    """One component of a repayment or a fee, AUD. Zero amounts are allowed and never paid."""

    key: Key
    component: str
    due_date: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """A payment (positive) or a refund (negative), AUD, on its value date; `target`: what it is meant for."""

    pk: int
    on: date
    amount: Decimal
    target: Key | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a payment that went to a component of something due."""

    payment: int
    key: Key
    component: str
    amount: Decimal
    on: date


@dataclass(frozen=True, slots=True)
class Allocation:
    """All shares up to a date, and what is left in the pool, AUD."""

    shares: tuple[Share, ...]
    unapplied: Decimal


class RefundNotCovered(Exception):
    """By the day of a refund there was less in the pool than it returned."""


def allocate(
    dues: Iterable[Due], moneys: Iterable[Money], *, order: Sequence[str], until: date
) -> Allocation:
    """Replay to the end of a day.

    Args:
        dues: everything owed, whenever it falls due.
        moneys: everything that came in or went out.
        order: the components, first paid first.
        until: the last day; money of later days is not looked at.

    Raises:
        RefundNotCovered: a refund returns money that had been used by then.
    """
    return _Replay(dues, moneys, order, until).run()


class _Open:
    """A due and what is still open of it."""

    __slots__ = ("due", "left", "rank")

    def __init__(self, due: Due, rank: tuple[int, date, str, int]) -> None:
        self.due = due
        self.left = due.amount
        self.rank = rank


class _Replay:
    """State of one replay."""

    def __init__(
        self, dues: Iterable[Due], moneys: Iterable[Money], order: Sequence[str], until: date
    ) -> None:
        places = {component: place for place, component in enumerate(order)}
        opened = [
            _Open(due, (places[due.component], due.due_date, *due.key)) for due in dues if due.amount > 0
        ]
        self.by_key: dict[Key, list[_Open]] = {}
        for item in sorted(opened, key=lambda item: item.rank):
            self.by_key.setdefault(item.due.key, []).append(item)
        self.coming = sorted(opened, key=lambda item: (item.due.due_date, item.rank), reverse=True)
        self.moneys = sorted((m for m in moneys if m.on <= until), key=lambda m: (m.on, m.amount < 0, m.pk))
        self.until = until
        self.open: list[_Open] = []
        self.pool: list[tuple[int, Decimal]] = []
        self.shares: list[Share] = []

    def run(self) -> Allocation:
        days = {money.on for money in self.moneys}
        days |= {item.due.due_date for item in self.coming if item.due.due_date <= self.until}
        moneys = iter([*self.moneys, None])
        money = next(moneys)
        for day in sorted(days):
            self._fall_due(day)
            while money is not None and money.on == day:
                self._take(money)
                money = next(moneys)
            self._apply(day)
        return Allocation(tuple(self.shares), sum((left for _, left in self.pool), ZERO))

    def _fall_due(self, day: date) -> None:
        fresh = []
        while self.coming and self.coming[-1].due.due_date <= day:
            fresh.append(self.coming.pop())
        if fresh:
            self.open = sorted([*(i for i in self.open if i.left), *fresh], key=lambda item: item.rank)

    def _take(self, money: Money) -> None:
        if money.amount < 0:
            self._give_back(-money.amount)
            return
        left = money.amount
        for item in self.by_key.get(money.target, ()) if money.target else ():
            left -= self._pay(item, money.pk, left, money.on)
        if left:
            self.pool.append((money.pk, left))

    def _give_back(self, amount: Decimal) -> None:
        while amount:
            if not self.pool:
                raise RefundNotCovered
            pk, left = self.pool.pop()  # what came last goes back first
            back = min(left, amount)
            amount -= back
            if left > back:
                self.pool.append((pk, left - back))

    def _apply(self, day: date) -> None:
        if not self.pool:
            return
        for item in self.open:
            while item.left and self.pool:
                pk, left = self.pool[0]
                left -= self._pay(item, pk, left, day)
                if left:
                    self.pool[0] = (pk, left)
                else:
                    self.pool.pop(0)
            if not self.pool:
                return

    def _pay(self, item: _Open, payment: int, available: Decimal, day: date) -> Decimal:
        paid = min(item.left, available)
        if paid:
            item.left -= paid
            self.shares.append(Share(payment, item.due.key, item.due.component, paid, day))
        return paid
