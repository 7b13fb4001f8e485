"""Who refers borrowers to the branches and for how much, and when people can be met."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time
from decimal import Decimal
from itertools import cycle
from random import Random
from typing import Any

from stdnum.au import acn

from brokers.choices import PartnerKind, PartnershipStatus
from brokers.events import PARTNERSHIP, PartnershipStatusChanged
from brokers.models import Bdm, Branch, Broker, Partnership
from crm_backend.common.australia import State
from demo import names
from demo.details import Details, Fields
from demo.people import Cast, Recorder, Team
from engagement.choices import HoursKind, Weekday
from engagement.events import OFFICE_HOURS
from engagement.models import OfficeHours
from servicing.choices import ClawbackMethod, PartnerTermsKind, TierBasis
from servicing.commissions import Tier
from servicing.events import PARTNERSHIP_TERMS
from servicing.models import PartnershipTerms, PartnershipTier
from servicing.services.referrals import Referral

A_BRANCH = 3
# What a partner of a kind is called after.
CALLED = {
    PartnerKind.ACCOUNTANT: "Accountants",
    PartnerKind.SOLICITOR: "Solicitors",
    PartnerKind.REAL_ESTATE_AGENT: "Realty",
    PartnerKind.FINANCIAL_PLANNER: "Financial Planning",
    PartnerKind.BUILDER: "Homes",
    PartnerKind.BUYERS_AGENT: "Buyer's Agents",
    PartnerKind.OTHER: "Community Club",
}
# What partners are paid by, one after another.
AGREED: tuple[Fields, ...] = (
    {"kind": PartnerTermsKind.PERCENTAGE, "rate": Decimal("0.2500"), "clawback_months": 12},
    {
        "kind": PartnerTermsKind.FLAT,
        "flat_amount": Decimal("500.00"),
        "clawback_months": 6,
        "clawback_method": ClawbackMethod.FULL,
    },
    {"kind": PartnerTermsKind.TIERED, "tier_basis": TierBasis.LOAN, "clawback_months": 12},
    {"kind": PartnerTermsKind.NONE},
)
TIERS = (
    Tier(Decimal("0.00"), Decimal("0.2000")),
    Tier(Decimal("500000.00"), Decimal("0.3000")),
    Tier(Decimal("1000000.00"), Decimal("0.3500")),
)
# By weekday: opens, closes.
Week = Sequence[tuple[int, time, time]]
WORKDAYS = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)
WEEKS: tuple[Week, ...] = (
    tuple((day.value, time(9), time(17)) for day in WORKDAYS),
    tuple((day.value, time(8, 30), time(16, 30)) for day in WORKDAYS),
    (
        *((day.value, time(9), time(17, 30)) for day in WORKDAYS[:4]),
        (Weekday.FRIDAY.value, time(9), time(13)),
    ),
)


class Opening:
    """Puts office hours and partners beside a cast."""

    def __init__(self, recorder: Recorder, *, rng: Random, now: Callable[[], datetime]) -> None:
        self.recorder = recorder
        self.details = Details(rng)
        self.now = now
        kinds = list(PartnerKind)
        self._kinds = iter([kinds[place % len(kinds)] for place in range(1000)])
        self._agreed = cycle(AGREED)

    def open(self, cast: Cast) -> None:
        """As an administrator enters them."""
        admin = cast.admins[0]
        for team in cast.teams:
            people: list[Bdm | Broker] = [*team.bdms, *team.brokers]
            for person in people:
                at, week = self.now(), self.details.rng.choice(WEEKS)
                assert person.user is not None
                cast.hours[person.user.pk] = [
                    self.recorder.record(
                        OfficeHours(
                            host=person.user,
                            kind=HoursKind.WEEKLY,
                            weekday=weekday,
                            opens_at=opens,
                            closes_at=closes,
                        ),
                        OFFICE_HOURS,
                        at=at,
                        actor=admin,
                    )
                    for weekday, opens, closes in week
                ]
        for number, team in enumerate(cast.teams):
            team.partners.extend(self._partners(admin, team, has_prospect=number % 3 == 1))
        for team in cast.teams:
            for partner in team.partners:
                if partner.status == PartnershipStatus.ACTIVE:
                    cast.referrals[partner.pk] = self._agree(admin, partner)

    def _partners(self, admin: Any, team: Team, *, has_prospect: bool) -> Iterator[Partnership]:
        """Those of a branch; one of a few is not active yet."""
        for number in range(A_BRANCH):
            kind = next(self._kinds)
            row = self._partner(kind, team.branch, number)
            row.owner = team.bdms[number % len(team.bdms)] if number < 2 else None
            self.recorder.record(row, PARTNERSHIP, at=self.now(), actor=admin)
            if not (has_prospect and number == A_BRANCH - 1):
                partner_move(self.recorder, row, PartnershipStatus.ACTIVE, at=self.now(), actor=admin)
            yield row

    def _agree(self, admin: Any, partner: Partnership) -> Referral:
        """As `servicing.services.referrals.partnership_terms_add`."""
        assert partner.agreement_start is not None
        terms = PartnershipTerms(
            partnership=partner, valid_from=partner.agreement_start, **next(self._agreed)
        )
        self.recorder.record(terms, PARTNERSHIP_TERMS, at=self.now(), actor=admin)
        tiers = TIERS if terms.tier_basis else ()
        for tier in tiers:
            row = PartnershipTier(terms=terms, from_amount=tier.from_amount, rate=tier.rate)
            self.recorder.writer.add(row)
        return Referral(terms, tiers)

    def _partner(self, kind: PartnerKind, branch: Branch, number: int) -> Partnership:
        state, rng = State(branch.state), self.details.rng
        person = self.details.person(f"p{branch.code.lower()}{number}")
        company = self.details.company("")
        return Partnership(
            kind=kind.value,
            organisation=f"{rng.choice(names.EMPLOYERS)} {CALLED[kind]}",
            contact_name=f"{person['first_name']} {person['last_name']}",
            email=person["email"],
            phone=self.details.phone(state),
            abn=acn.to_abn(company["acn"]),
            branch=branch,
            agreement_start=self.now().date(),
        )


def partner_move(
    recorder: Recorder, row: Partnership, to: PartnershipStatus, *, at: datetime, actor: Any, reason: str = ""
) -> None:
    """As `brokers.services.partnership_change_status`."""
    before = PartnershipStatus(row.status)
    row.status, row.updated_at = to, at
    moved = PartnershipStatusChanged(
        label=str(row),
        from_status=before,
        from_status_display=before.label,
        to_status=to,
        to_status_display=to.label,
        reason=reason,
    )
    recorder.log.tell(moved, at=at, actor=actor, subject=row)
