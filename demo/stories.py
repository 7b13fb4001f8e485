"""What happens to each loan: who brings it, who is on it, what secures it, and the way it goes.

Every loan has a generator of its own, seeded by the seed, the copy and the loan's place in the file: a story
does not depend on how many others are told. Dates do, since the book is spread over its three years.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from applications.choices import UNSECURED_TYPES, Stage
from demo.clock import SECONDS_A_DAY, WorkingClock
from demo.details import Fields
from demo.journey import Ending, Hop, choose_ending, plan_hops
from demo.leads import BESIDE, FROM_LEADS, LeadTeller, active, asker
from demo.loans import Loan
from demo.parties import Parties
from demo.people import Cast, Team
from demo.relating import reviews, talks
from demo.repaying import plan_repayments
from demo.steps import Step
from demo.story import Approval, Calculation, Move, Paid, PaidOut, Settlement, Story, Valuation, WrittenOff
from demo.terms import Terms
from servicing.dates import business_date
from users.choices import Role
from users.models import User

# The book grows: with an exponent below 1 there are more applications in later years.
GROWTH = 0.8
STAFF_DAY = SECONDS_A_DAY  # the first day is for making branches and logins
REFERRED = 0.4  # of those that the lender opens: by a partner
BY_THE_LENDER = 0.03  # opened by an administrator for a client who gets a login
# Loans that were settled earlier were repaid in another system; the demo client's are all here.
SERVICED = timedelta(days=365)
CLOSING = timedelta(minutes=30)  # a loan is paid out shortly before it is closed
REFERENCE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
REFERENCES = len(REFERENCE_ALPHABET) ** 8


class StoryTeller:
    """Tells the stories of all loans, in the order in which their applications are opened."""

    def __init__(
        self, loans: Sequence[Loan], *, clock: WorkingClock, cast: Cast, seed: int, scale: int
    ) -> None:
        self.loans = loans
        self.clock = clock
        self.cast = cast
        self.seed = seed
        self.scale = scale
        self.total = len(loans) * scale
        rng = Random(f"{seed}/order")
        self._leads = LeadTeller(cast, clock)
        self._serviced_from = clock.end - SERVICED
        self._order = rng.sample(range(len(loans)), len(loans))
        # An affine map with a multiplier that shares no factor with 36⁸: each place another reference.
        self._multiplier = rng.randrange(REFERENCES // 12) * 6 + 1
        self._offset = rng.randrange(REFERENCES)
        # The demo client's three: one long settled, one turned down, one on its way.
        self._clients = {
            int(self.total * 0.3): Ending(Stage.SETTLED),
            int(self.total * 0.6): Ending(Stage.DECLINED),
            self._place_of(self.clock.total - 18 * SECONDS_A_DAY): Ending(Stage.SETTLED),
        }

    def __iter__(self) -> Iterator[Story]:
        return (self.story(place) for place in range(self.total))

    def story(self, place: int) -> Story:
        """The story of the application that is opened at this place in the order."""
        nth, copy = divmod(place, self.scale)
        # Copies of a loan lie far apart in time.
        loan = self.loans[self._order[(nth + copy * 997) % len(self.loans)]]
        rng = Random(f"{self.seed}/{copy}/{loan.index}")
        opened = self._second_of(place + rng.random())
        return self._story(rng, loan, place, opened)

    def _story(self, rng: Random, loan: Loan, place: int, opened: int) -> Story:
        own_client = place in self._clients
        team = self.cast.teams[0] if own_client else rng.choice(self.cast.teams_in(loan.state))
        broker = team.brokers[0] if own_client else rng.choice(team.brokers)
        bd = team.bdms[0] if own_client else rng.choice(team.bdms)
        at = self.clock.at(opened)
        terms = Terms(rng, loan, at.date())
        parties = Parties(rng, loan, at.date(), f"b{place}")
        company = terms.is_company and not own_client
        application = terms.application()
        application["product"] = self.cast.products[application["application_type"]]
        first = place == min(self._clients)
        assert broker.user is not None
        story = Story(
            opened_at=at,
            actor=broker.user,
            broker=broker,
            bd=bd,
            application={**application, "reference_number": self._reference(place)},
            borrower=parties.borrower(company=company),
            guarantors=parties.guarantors(company=company),
            securities=terms.securities(),
        )
        if own_client:
            story.client = self.cast.client
            story.borrower = {**story.borrower, **_contact(self.cast.client)} if first else {}
        story.holdings = parties.holdings(story.borrower) if story.borrower else []
        by_lender = rng.random() < BY_THE_LENDER and not company
        if first or (by_lender and not own_client):
            story.actor = rng.choice(self.cast.admins)
            story.login = None if first else parties.login(story.borrower)
        self._ask(Random(f"{self.seed}/{place}/{loan.index}/lead"), story, loan, team, place, opened)
        ending = self._clients.get(place) or choose_ending(rng, went_bad=loan.went_bad)
        story.steps = list(self._steps(rng, story, terms, ending, opened))
        self._repay(Random(f"{self.seed}/{place}/{loan.index}/money"), story, went_bad=loan.went_bad)
        later = Random(f"{self.seed}/{place}/{loan.index}/later")
        further = [*talks(later, story), *reviews(later, story, self.cast)]
        story.steps += [step for step in further if step.at < self.clock.end]
        return story

    def _ask(self, rng: Random, story: Story, loan: Loan, team: Team, place: int, opened: int) -> None:
        """Put those beside a story who asked for a loan."""
        wanted = {name: story.application[name] for name in ("application_type", "purpose")}
        has_more = story.guarantors or story.securities or story.login or story.client
        people = [story.bd.user, story.actor]
        if not has_more and story.actor.role == Role.BROKER and rng.random() < FROM_LEADS:
            person = {**story.borrower, **wanted}
            story.inquiry = self._leads.before(rng, loan, team, person, people, opened)
        if story.inquiry is not None:
            story.actor = story.inquiry.owner
        partner = story.inquiry.fields.get("partnership") if story.inquiry else None
        if story.login and rng.random() < REFERRED:
            partner = rng.choice(active(team.partners))
        if partner is not None:
            story.application["referral_partner"] = partner
        if rng.random() < BESIDE:
            person = {**asker(rng, loan, f"l{place}"), **(wanted if rng.random() < 0.7 else {})}
            if other := self._leads.beside(rng, loan, team, person, opened):
                story.others.append(other)

    def _repay(self, rng: Random, story: Story, *, went_bad: bool) -> None:
        """Put the payments of a loan between its settlement and what comes after."""
        places = [place for place, step in enumerate(story.steps) if isinstance(step, Settlement)]
        if not places:
            return
        settlement, after = story.steps[places[0]], story.steps[places[0] + 1 :]
        end = after[0].at - CLOSING if after else self.clock.end
        plan = plan_repayments(
            rng,
            settled_on=business_date(settlement.at),
            frequency=story.application["repayment_frequency"],
            months=story.application["loan_term"],
            went_bad=went_bad,
            end=end,
        )
        bd = story.bd.user
        steps: list[Step] = [Paid(one.at, bd, one.number, one.part) for one in plan.payments]
        if after:
            steps.append(PaidOut(end, bd))
        elif plan.given_up:
            steps.append(WrittenOff(plan.given_up, bd))
        story.steps[places[0] + 1 :] = [*steps, *after]

    def _steps(self, rng: Random, story: Story, terms: Terms, ending: Ending, opened: int) -> Iterator[Step]:
        second = opened
        kind = story.application["application_type"]
        done: set[Stage] = set()
        for hop in plan_hops(rng, application_type=kind, ending=ending):
            second += int(hop.days * SECONDS_A_DAY)
            if second >= self.clock.total:
                return
            at = self.clock.at(second)
            # What the way back from an aside stage leads to has been prepared before.
            if hop.to not in done:
                yield from self._preparations(story, terms, hop, at)
            done.add(hop.to)
            actor = self._actor(rng, story, hop)
            if hop.to == Stage.SETTLED and (at >= self._serviced_from or story.client is not None):
                yield Settlement(at, actor, hop.to, hop.reason, terms.settlement_fees())
            else:
                yield Move(at, actor, hop.to, hop.reason)

    def _preparations(self, story: Story, terms: Terms, hop: Hop, at: datetime) -> Iterator[Step]:
        """What the BDM does shortly before a move."""
        bd = story.bd.user
        secured = story.application["application_type"] not in UNSECURED_TYPES
        if hop.to == Stage.FUNDING_TABLE_ISSUED and secured:
            yield Calculation(at - timedelta(minutes=20), bd, terms.funding())
        if hop.to == Stage.VALUATION_RECEIVED:
            yield Valuation(at - timedelta(minutes=15), bd, terms.valuation(story.securities[0]["value"]))
        if hop.to == Stage.FORMAL_APPROVAL:
            yield Approval(at - timedelta(minutes=10), bd, story.application["loan_amount"])

    def _actor(self, rng: Random, story: Story, hop: Hop) -> User:
        if hop.by == "admin":
            return rng.choice(self.cast.admins)
        user = story.broker.user if hop.by == "broker" else story.bd.user
        assert user is not None
        return user

    def _second_of(self, place: float) -> int:
        span = self.clock.total - STAFF_DAY - 1
        return STAFF_DAY + int(span * (place / self.total) ** GROWTH)

    def _place_of(self, second: int) -> int:
        span = self.clock.total - STAFF_DAY - 1
        return int(self.total * ((second - STAFF_DAY) / span) ** (1 / GROWTH))

    def _reference(self, place: int) -> str:
        number = (place * self._multiplier + self._offset) % REFERENCES
        letters = ""
        for _ in range(8):
            number, digit = divmod(number, len(REFERENCE_ALPHABET))
            letters += REFERENCE_ALPHABET[digit]
        return f"APP-{letters}"


def _contact(user: User) -> Fields:
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "phone": user.phone,
    }
