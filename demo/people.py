"""The lender's branches, and the logins and profiles of those who work with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from django.contrib.auth.hashers import make_password
from stdnum.au import acn

from applications.events import PRODUCT
from applications.models import Product
from brokers.events import BDM, BRANCH, BROKER
from brokers.models import Bdm, Branch, Broker, Partnership
from crm_backend.common.australia import State
from demo import names
from demo.details import TIMEZONES, Details, Fields
from demo.eventlog import EventLog
from demo.products import commission_terms, products
from demo.writer import Writer
from engagement.models import OfficeHours
from events.recording import RecordEvents
from servicing.events import COMMISSION_TERMS
from servicing.models import CommissionTerms
from servicing.services.referrals import Referral
from users.choices import Role
from users.events import UserCreated
from users.models import User

BRANCHES = (
    ("Sydney", "SYD", State.NSW, "2000"),
    ("Parramatta", "PAR", State.NSW, "2150"),
    ("Newcastle", "NEW", State.NSW, "2300"),
    ("Melbourne", "MEL", State.VIC, "3000"),
    ("Geelong", "GEE", State.VIC, "3220"),
    ("Brisbane", "BNE", State.QLD, "4000"),
    ("Gold Coast", "OOL", State.QLD, "4217"),
    ("Perth", "PER", State.WA, "6000"),
    ("Adelaide", "ADL", State.SA, "5000"),
    ("Hobart", "HBA", State.TAS, "7000"),
    ("Canberra", "CBR", State.ACT, "2601"),
    ("Darwin", "DRW", State.NT, "0800"),
)
# Per branch and per 9,857 loans.
BDMS = 2
BROKERS = 5
DEMO_EMAILS: dict[str, str] = {
    role.value: f"{role.value}@example.com" for role in (Role.ADMIN, Role.BD, Role.BROKER, Role.CLIENT)
}


@dataclass
class Team:
    """A branch and who works with it."""

    branch: Branch
    bdms: list[Bdm] = field(default_factory=list)
    brokers: list[Broker] = field(default_factory=list)
    partners: list[Partnership] = field(default_factory=list)


@dataclass
class Cast:
    """Everybody with a part in many stories. The first team's first BDM and broker are the demo logins."""

    admins: list[User]
    client: User
    teams: list[Team]
    products: dict[str, Product]
    commission_terms: list[CommissionTerms]
    hours: dict[int, list[OfficeHours]] = field(default_factory=dict)  # by user
    referrals: dict[int, Referral] = field(default_factory=dict)  # by partnership, what it is paid

    def teams_in(self, state: State) -> list[Team]:
        """The branches of a state."""
        return [team for team in self.teams if team.branch.state == state]


class Recorder:
    """Writes what an administrator makes, and tells of it, as the views and services do."""

    def __init__(self, writer: Writer, log: EventLog) -> None:
        self.writer = writer
        self.log = log

    def user(self, *, at: datetime, actor: User | None, password: str | None = None, **fields: Any) -> User:
        """An account; without a password nobody can log in with it."""
        user = User(password=make_password(password), created_at=at, updated_at=at, **fields)
        self.writer.add(user)
        created = UserCreated(name=user.full_name, role=Role(user.role).label)
        self.log.tell(created, at=at, actor=actor, subject=user)
        return user

    def record(self, row: Any, events: RecordEvents, *, at: datetime, actor: User) -> Any:
        """A plain record of any kind."""
        row.created_at = row.updated_at = at
        self.writer.add(row)
        created: Any = events.created
        self.log.tell(created(label=str(row)), at=at, actor=actor, subject=row)
        return row


class Hiring:
    """Makes the cast, one after another."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        rng: Random,
        now: Callable[[], datetime],
        passwords: Mapping[str, str],
        scale: int,
    ) -> None:
        self.recorder = recorder
        self.details = Details(rng)
        self.now = now
        self.passwords = passwords
        self.scale = scale
        self.count = 0

    def cast(self) -> Cast:
        """Two administrators, the demo client, the teams of all branches, and the products."""
        admin = self._user(Role.ADMIN, State.NSW, None, demo=True)
        admins = [admin, self._user(Role.ADMIN, State.VIC, admin)]
        client = self._user(Role.CLIENT, State.NSW, admin, demo=True)
        teams = [self._team(admin, *branch, demo=number == 0) for number, branch in enumerate(BRANCHES)]
        on_offer = {
            kind.value: self.recorder.record(product, PRODUCT, at=self.now(), actor=admin)
            for kind, product in products()
        }
        preferred = teams[0].brokers[0]
        terms = [
            self.recorder.record(row, COMMISSION_TERMS, at=self.now(), actor=admin)
            for row in commission_terms(on_offer, preferred)
        ]
        return Cast(admins, client, teams, on_offer, terms)

    def _team(self, admin: User, city: str, code: str, state: State, postcode: str, *, demo: bool) -> Team:
        branch = Branch(
            name=city,
            code=code,
            state=state.value,
            street=f"Level {self.details.rng.randrange(1, 30)}, {self.details.address(state)['street']}",
            city=city,
            postcode=postcode,
            phone=self.details.phone(state),
            email=f"{code.lower()}@example.com",
        )
        team = Team(self.recorder.record(branch, BRANCH, at=self.now(), actor=admin))
        for number in range(BDMS * self.scale):
            team.bdms.append(self._bdm(admin, branch, state, demo=demo and number == 0))
        for number in range(BROKERS * self.scale):
            team.brokers.append(self._broker(admin, branch, state, demo=demo and number == 0))
        return team

    def _bdm(self, admin: User, branch: Branch, state: State, *, demo: bool) -> Bdm:
        user = self._user(Role.BD, state, admin, demo=demo)
        bdm = Bdm(user=user, branch=branch, job_title="Business development manager")
        made: Bdm = self.recorder.record(bdm, BDM, at=self.now(), actor=admin)
        return made

    def _broker(self, admin: User, branch: Branch, state: State, *, demo: bool) -> Broker:
        user = self._user(Role.BROKER, state, admin, demo=demo)
        company = self.details.company("")
        broker = Broker(
            user=user,
            branch=branch,
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            phone=user.phone,
            company_name=f"{self.details.rng.choice(names.EMPLOYERS)} Finance Pty Ltd",
            abn=acn.to_abn(company["acn"]),
            credit_representative_number=f"{self.details.rng.randrange(400_000, 570_000)}",
        )
        made: Broker = self.recorder.record(broker, BROKER, at=self.now(), actor=admin)
        return made

    def _user(self, role: Role, state: State, admin: User | None, *, demo: bool = False) -> User:
        self.count += 1
        fields = login_fields(self.details, role, state, f"{role}{self.count}")
        if demo:
            fields["email"] = DEMO_EMAILS[role]
        password = self.passwords[role] if demo else None
        return self.recorder.user(at=self.now(), actor=admin, password=password, **fields)


def login_fields(details: Details, role: Role, state: State, mailbox: str) -> Fields:
    """What an administrator enters for a new account."""
    return {
        **details.person(mailbox),
        "phone": details.phone(state),
        "role": role.value,
        "timezone": TIMEZONES[state],
    }
