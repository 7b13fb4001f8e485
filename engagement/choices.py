"""What leads, interactions, appointments and reviews can be."""

from django.db import models

# --- leads ------------------------------------------------------------------------------------


class LeadStatus(models.TextChoices):
    """Where a lead stands; `engagement/stages.py` has the moves."""

    NEW = "new", "New"
    CONTACTED = "contacted", "Contacted"
    QUALIFIED = "qualified", "Qualified"
    APPOINTMENT_SCHEDULED = "appointment_scheduled", "Appointment scheduled"
    APPLICATION_STARTED = "application_started", "Application started"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    NURTURE = "nurture", "Nurture"


class LeadSource(models.TextChoices):
    """How a lead came to us."""

    WEBSITE_FORM = "website_form", "Website form"
    GOOGLE_ADS = "google_ads", "Google Ads"
    FACEBOOK_ADS = "facebook_ads", "Facebook Ads"
    REFERRAL = "referral", "Referral"
    PHONE_INQUIRY = "phone_inquiry", "Phone inquiry"
    EMAIL_INQUIRY = "email_inquiry", "E-mail inquiry"
    PARTNER_REFERRAL = "partner_referral", "Partner referral"
    BROKER_REFERRAL = "broker_referral", "Broker referral"
    REPEAT_CUSTOMER = "repeat_customer", "Repeat customer"
    WALK_IN = "walk_in", "Walk-in"
    OTHER = "other", "Other"


class Urgency(models.TextChoices):
    """How soon a lead should be seen to, as staff see it."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    URGENT = "urgent", "Urgent"


class Timeframe(models.TextChoices):
    """When a lead wants the money, as they say."""

    IMMEDIATE = "immediate", "At once"
    ONE_MONTH = "one_month", "Within a month"
    THREE_MONTHS = "three_months", "Within three months"
    SIX_MONTHS = "six_months", "Within six months"
    LATER = "later", "Later"


class Temperature(models.TextChoices):
    """What a score amounts to: hot from 80, warm from 60, cool from 40."""

    HOT = "hot", "Hot"
    WARM = "warm", "Warm"
    COOL = "cool", "Cool"
    COLD = "cold", "Cold"


# The least score of each temperature, hottest first.
TEMPERATURES: dict[Temperature, int] = {
    Temperature.HOT: 80,
    Temperature.WARM: 60,
    Temperature.COOL: 40,
    Temperature.COLD: 0,
}


class AssignMethod(models.TextChoices):
    """How the person for a lead is found."""

    MANUAL = "manual", "To a person"
    ROUND_ROBIN = "round_robin", "The next in turn"
    BY_LOAD = "by_load", "Whoever has the fewest open leads"


class Duplicates(models.TextChoices):
    """What an import does with those who are an open lead already."""

    SKIP = "skip", "Leave them out"
    KEEP = "keep", "Make another lead"


# --- appointments, interactions, reviews ---


class AppointmentKind(models.TextChoices):
    """How people meet."""

    PHONE = "phone", "Phone call"
    VIDEO = "video", "Video call"
    OFFICE = "office", "At the office"
    SITE = "site", "On site"


class AppointmentStatus(models.TextChoices):
    """How far an appointment is. One that was moved stays scheduled; its moves are kept beside it."""

    SCHEDULED = "scheduled", "Scheduled"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"
    NO_SHOW = "no_show", "Guest did not come"


# What may be done with an appointment in a state, and the state after it; anything else is refused.
MOVES: dict[tuple[str, str], AppointmentStatus] = {
    (AppointmentStatus.SCHEDULED, "complete"): AppointmentStatus.COMPLETED,
    (AppointmentStatus.SCHEDULED, "miss"): AppointmentStatus.NO_SHOW,
    (AppointmentStatus.SCHEDULED, "cancel"): AppointmentStatus.CANCELLED,
    (AppointmentStatus.SCHEDULED, "reschedule"): AppointmentStatus.SCHEDULED,
}


class HoursKind(models.TextChoices):
    """What a row of office hours says."""

    WEEKLY = "weekly", "Every week"
    EXTRA = "extra", "Additional hours"
    CLOSED = "closed", "Days off"


class Weekday(models.IntegerChoices):
    """Days of a week, by the numbers of ISO 8601."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


class InteractionKind(models.TextChoices):
    """What passed between people."""

    CALL = "call", "Call"
    EMAIL = "email", "E-mail"
    SMS = "sms", "SMS"
    MEETING = "meeting", "Meeting"
    SITE_VISIT = "site_visit", "Site visit"
    NOTE = "note", "Note"
    OTHER = "other", "Other"


class Direction(models.TextChoices):
    """Who began it."""

    INBOUND = "inbound", "From them"
    OUTBOUND = "outbound", "From us"
    INTERNAL = "internal", "Among us"


# What counts as talking with somebody: these whoever began it, and of the others what came from them.
TALKS = (InteractionKind.CALL, InteractionKind.MEETING, InteractionKind.SITE_VISIT)
ANSWERS = (InteractionKind.EMAIL, InteractionKind.SMS)


class ReviewSubject(models.TextChoices):
    """Whom a review is of."""

    BROKER = "broker", "The broker"
    LENDER = "lender", "The lender"
    BOTH = "both", "Broker and lender"
