"""What partnerships can be."""

from django.db import models


class PartnerKind(models.TextChoices):
    """What a referral partner is."""

    ACCOUNTANT = "accountant", "Accountant"
    SOLICITOR = "solicitor", "Solicitor"
    REAL_ESTATE_AGENT = "real_estate_agent", "Real estate agent"
    FINANCIAL_PLANNER = "financial_planner", "Financial planner"
    BUILDER = "builder", "Builder"
    BUYERS_AGENT = "buyers_agent", "Buyer's agent"
    OTHER = "other", "Other"


class PartnershipStatus(models.TextChoices):
    """Where a partnership stands. Only active ones take new referrals."""

    PROSPECTIVE = "prospective", "Prospective"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ENDED = "ended", "Ended"


# The moves that there are. An ended partnership stays history: with the same partner again, make another.
PARTNERSHIP_MOVES: dict[str, tuple[PartnershipStatus, ...]] = {
    PartnershipStatus.PROSPECTIVE: (PartnershipStatus.ACTIVE, PartnershipStatus.ENDED),
    PartnershipStatus.ACTIVE: (PartnershipStatus.PAUSED, PartnershipStatus.ENDED),
    PartnershipStatus.PAUSED: (PartnershipStatus.ACTIVE, PartnershipStatus.ENDED),
    PartnershipStatus.ENDED: (),
}
