"""The score of a lead: a pure function of what is known of it. No Django, no database, no clock.

Points come from rules, in three parts whose highest points add up to 100:

- profile (30): who they are and whether they can be reached,
- behaviour (20): what they have done,
- bant (50): budget, authority, need and timeline, the old four questions of selling.

Each rule gives some of its points and says why. The score is their sum, so the breakdown explains it to the
point. Amounts are AUD.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

Points = tuple[int, str]

# A deposit as a part of the amount wanted, percent, and its points.
DEPOSITS = ((20, 8), (10, 5))
# A lender's usual measure: how many years' income a loan is.
INCOME_MULTIPLE = 6
SOURCES = {
    "repeat_customer": 5,
    "referral": 5,
    "partner_referral": 5,
    "broker_referral": 5,
    "walk_in": 4,
    "phone_inquiry": 4,
    "website_form": 3,
    "email_inquiry": 3,
    "google_ads": 2,
    "facebook_ads": 1,
}
PROGRESS = {
    "contacted": 2,
    "nurture": 2,
    "qualified": 5,
    "appointment_scheduled": 7,
    "application_started": 7,
    "won": 7,
}
# How often they were talked with, and its points; more often gives no more.
CONVERSATIONS = {0: 0, 1: 2, 2: 4}
TIMEFRAMES = {"immediate": 10, "one_month": 8, "three_months": 6, "six_months": 3, "later": 1}
URGENCIES = {"urgent": 6, "high": 4}


@dataclass(frozen=True)
class Facts:
    """What a score is made of."""

    email: str = ""
    phone: str = ""
    company_name: str = ""
    state: str = ""
    consent_to_contact: bool = False
    source: str = ""
    status: str = ""
    submission_count: int = 1
    conversation_count: int = 0
    utm_campaign: str = ""
    landing_page: str = ""
    loan_amount: Decimal | None = None
    annual_income: Decimal | None = None
    deposit: Decimal | None = None
    is_decision_maker: bool | None = None
    application_type: str = ""
    purpose: str = ""
    timeframe: str = ""
    urgency: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule: its part, its most points, and what gives them."""

    part: str
    name: str
    most: int
    points: Callable[[Facts], Points]


def _known(field: str, points: int, what: str) -> Callable[[Facts], Points]:
    """All points where a field is filled."""

    def judge(facts: Facts) -> Points:
        return (points, f"{what} is known") if getattr(facts, field) else (0, f"{what} is not known")

    return judge


def _listed(field: str, table: Mapping[str, int], what: str) -> Callable[[Facts], Points]:
    """The points of a value in a table."""

    def judge(facts: Facts) -> Points:
        value = getattr(facts, field)
        points = table.get(value, 0)
        return points, f"{what}: {value.replace('_', ' ')}" if value else f"{what} is not known"

    return judge


def _consent(facts: Facts) -> Points:
    return (
        (7, "Agreed to be contacted") if facts.consent_to_contact else (0, "Has not agreed to be contacted")
    )


def _submissions(facts: Facts) -> Points:
    times = facts.submission_count
    return {0: 0, 1: 0, 2: 3}.get(times, 5), "Asked once" if times <= 1 else f"Asked {times} times"


def _conversations(facts: Facts) -> Points:
    times = facts.conversation_count
    reason = "once" if times == 1 else f"{times} times"
    return CONVERSATIONS.get(times, 6), f"Talked with {reason}" if times else "Not talked with yet"


def _campaign(facts: Facts) -> Points:
    is_known = bool(facts.utm_campaign or facts.landing_page)
    return (2, "Followed a campaign or a page") if is_known else (0, "No campaign or page is known")


def _deposit(facts: Facts) -> Points:
    if not facts.deposit or not facts.loan_amount:
        return 0, "No deposit against an amount is known"
    percent = facts.deposit * 100 / facts.loan_amount
    points = next((points for least, points in DEPOSITS if percent >= least), 2)
    return points, f"A deposit of {min(percent, Decimal(100)):.0f} % of the amount"


def _serviceable(facts: Facts) -> Points:
    if not facts.annual_income or not facts.loan_amount:
        return 0, "Amount against income is not known"
    if facts.loan_amount <= facts.annual_income * INCOME_MULTIPLE:
        return 3, f"The amount is within {INCOME_MULTIPLE} years' income"
    return 0, f"The amount is more than {INCOME_MULTIPLE} years' income"


def _authority(facts: Facts) -> Points:
    if facts.is_decision_maker is None:
        return 0, "Whether they decide is not known"
    return (10, "They decide") if facts.is_decision_maker else (0, "Somebody else decides")


def _timeline(facts: Facts) -> Points:
    wanted, pressing = TIMEFRAMES.get(facts.timeframe, 0), URGENCIES.get(facts.urgency, 0)
    if wanted >= pressing and facts.timeframe:
        return wanted, f"Wanted: {facts.timeframe.replace('_', ' ')}"
    return pressing, f"Urgency: {facts.urgency}" if facts.urgency else "No time is known"


RULES = (
    Rule("profile", "email", 5, _known("email", 5, "An e-mail address")),
    Rule("profile", "phone", 7, _known("phone", 7, "A phone number")),
    Rule("profile", "company", 3, _known("company_name", 3, "A company")),
    Rule("profile", "state", 3, _known("state", 3, "The state")),
    Rule("profile", "consent", 7, _consent),
    Rule("profile", "source", 5, _listed("source", SOURCES, "Source")),
    Rule("behaviour", "submissions", 5, _submissions),
    Rule("behaviour", "campaign", 2, _campaign),
    Rule("behaviour", "conversations", 6, _conversations),
    Rule("behaviour", "progress", 7, _listed("status", PROGRESS, "Status")),
    Rule("bant", "budget_income", 4, _known("annual_income", 4, "Income")),
    Rule("bant", "budget_deposit", 8, _deposit),
    Rule("bant", "budget_serviceable", 3, _serviceable),
    Rule("bant", "authority", 10, _authority),
    Rule("bant", "need_amount", 5, _known("loan_amount", 5, "The amount wanted")),
    Rule("bant", "need_type", 5, _known("application_type", 5, "The kind of loan")),
    Rule("bant", "need_purpose", 5, _known("purpose", 5, "The purpose")),
    Rule("bant", "timeline", 10, _timeline),
)
PARTS = tuple(dict.fromkeys(rule.part for rule in RULES))


def score(facts: Facts) -> tuple[int, dict[str, object]]:
    """The score, 0 to 100, and its breakdown: by part the points, the most there are, and each rule's."""
    parts: dict[str, object] = {}
    total = 0
    for part in PARTS:
        lines = []
        for rule in (rule for rule in RULES if rule.part == part):
            points, reason = rule.points(facts)
            lines.append({"rule": rule.name, "points": points, "max": rule.most, "reason": reason})
        points = sum(int(str(line["points"])) for line in lines)
        most = sum(rule.most for rule in RULES if rule.part == part)
        parts[part] = {"points": points, "max": most, "rules": lines}
        total += points
    return total, parts
