"""What reports are grouped by, how rollups are laid out, and what can be kept of reports."""

from django.db import models

# The number of the rules that rollups are counted by, raised with them. What was counted by another number is
# not whole to this release, and what was counted by a higher one is left alone by its workers.
RULES = 1


class Grouping(models.TextChoices):
    """The periods of a series. A week begins on Monday."""

    DAY = "day", "Day"
    WEEK = "week", "Week"
    MONTH = "month", "Month"


class Grain(models.IntegerChoices):
    """How long the period of a cell is; its `day` is the first of the period, of all time that of year 1."""

    DAY = 0, "Day"
    MONTH = 1, "Month"
    YEAR = 2, "Year"
    EVER = 3, "All time"


class Level(models.IntegerChoices):
    """Whose cell it is. What a level does not tell apart is 0, and so is nobody."""

    BOOK = 0, "Whole book"
    BRANCH = 1, "Branch"
    BDM = 2, "BDM and branch"
    BROKER = 3, "Broker, BDM and branch"


class Topic(models.TextChoices):
    """What is counted; `selectors.contributions` says how each is."""

    OPENED = "opened", "Applications opened"
    STAGE = "stage", "Applications opened, by stage"
    TYPE = "type", "Applications opened, by type"
    APPROVED = "approved", "Applications opened that reached approval"
    SETTLED = "settled", "Applications opened that settled"
    STAYS = "stays", "Time in stages"
    REPAYMENT = "repayment", "Repayments"
    LOAN = "loan", "Open loans"
    LOAN_TYPE = "loan_type", "Open loans, by type"
    LOAN_PURPOSE = "loan_purpose", "Open loans, by purpose"
    LOAN_STATE = "loan_state", "Open loans, by state"
    LOAN_LVR = "loan_lvr", "Open loans, by LVR"
    OWED = "owed", "What is owed besides principal"
    ARREARS = "arrears", "Open loans, by their oldest unpaid repayment"
    COMMISSION = "commission", "Commissions"
    SETTLEMENT = "settlement", "Applications moved to settled"
    LEDGER = "ledger", "What the ledger earned, received and spent"


class Outcome(models.TextChoices):
    """What came of a repayment. Those given up were unpaid when their loan was written off."""

    ON_TIME = "on_time", "Paid on time"
    LATE = "late", "Paid late"
    UNPAID = "unpaid", "Not paid in full"
    GIVEN_UP = "given_up", "Written off"


# Before the outcome of a repayment that compliance leaves out: it asks for nothing, or fell due after its
# loan was written off.
ASIDE_REPAYMENT = "aside_"


class LvrBand(models.TextChoices):
    """The principal still owed, in percent of what secures it."""

    UP_TO_60 = "0-60", "Up to 60 %"
    UP_TO_70 = "60-70", "Over 60 to 70 %"
    UP_TO_80 = "70-80", "Over 70 to 80 %"
    UP_TO_90 = "80-90", "Over 80 to 90 %"
    OVER_90 = "90+", "Over 90 %"
    UNSECURED = "unsecured", "Without a security"


# The kind of a saved report that is none of the seven.
CUSTOM = "custom"


class SharedWith(models.TextChoices):
    """Who may run a saved report besides its owner and administrators, each over what they see themselves."""

    NOBODY = "nobody", "Nobody"
    BRANCH = "branch", "Everybody of a branch"
    BDMS = "bdms", "All BDMs"
    BROKERS = "brokers", "All brokers"


class Recurrence(models.TextChoices):
    """How often a report is made."""

    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
    MONTHLY = "monthly", "Monthly"


class FileFormat(models.TextChoices):
    """What a report is as a file."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    PDF = "pdf", "PDF"


class FileStatus(models.TextChoices):
    """How far a file is."""

    PENDING = "pending", "To be made"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
