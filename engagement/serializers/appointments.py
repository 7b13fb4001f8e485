"""Shapes of appointments, office hours, and links to calendars."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from applications.models import Application
from applications.serializers.people import KnownUserField
from borrowers.models import Borrower
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField, caller_of
from engagement.choices import HoursKind
from engagement.models import Appointment, AppointmentMove, Lead, OfficeHours
from engagement.selectors import HOSTS
from events.serializers import ActorSerializer
from users.choices import Role
from users.models import User

# How many days one question about what is free may span.
MOST_DAYS = 62


class HostField(KnownUserField):
    """A login that keeps appointments: of those whom the caller works with; for a client, of BDMs."""

    def get_queryset(self) -> Any:
        """Those whom the caller may book."""
        caller = caller_of(self)
        is_client = caller is not None and caller.role == Role.CLIENT
        return super().get_queryset().filter(role__in=[Role.BD] if is_client else HOSTS)


class KeeperField(VisiblePrimaryKeyField):
    """Whose hours the caller may set: an administrator everybody's, others their own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=User.objects.all(), **kwargs)

    def get_queryset(self) -> Any:
        """Those whose hours the caller may set."""
        caller, hosts = caller_of(self), User.objects.active().filter(role__in=HOSTS)
        return hosts if caller is None or caller.role == Role.ADMIN else hosts.filter(pk=caller.pk)


class AppointmentListSerializer(ModelSerializer):
    """An appointment in a list."""

    host = ActorSerializer(read_only=True)

    class Meta:
        model = Appointment
        fields = [
            "id",
            "host",
            "lead",
            "borrower",
            "application",
            "title",
            "kind",
            "location",
            "link",
            "starts_at",
            "ends_at",
            "timezone",
            "status",
            "outside_hours",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class MoveSerializer(ModelSerializer):
    """From when an appointment was moved."""

    moved_by = ActorSerializer(read_only=True)

    class Meta:
        model = AppointmentMove
        fields = ["id", "from_starts_at", "from_ends_at", "reason", "moved_by", "moved_at"]
        read_only_fields = fields


class AppointmentSerializer(AppointmentListSerializer):
    """An appointment in full; `notes` and `outcome` are empty for clients."""

    created_by = ActorSerializer(read_only=True)
    moves = MoveSerializer(many=True, read_only=True)

    class Meta(AppointmentListSerializer.Meta):
        fields = [
            *AppointmentListSerializer.Meta.fields,
            "notes",
            "outcome",
            "cancel_reason",
            "uid",
            "sequence",
            "created_by",
            "moves",
        ]
        read_only_fields = fields

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """What was written for those who work here."""
        if getattr(caller_of(self), "role", "") == Role.CLIENT:
            return {**shown, "notes": "", "outcome": ""}
        return shown


class AppointmentUpdateSerializer(ModelSerializer):
    """What may be edited of an appointment; its time is moved by `reschedule`."""

    class Meta:
        model = Appointment
        fields = ["title", "kind", "location", "link", "notes"]


class AppointmentInputSerializer(AppointmentUpdateSerializer):
    """An appointment to be booked: with a lead, a borrower, or those on an application."""

    host = HostField(required=False)
    lead = VisiblePrimaryKeyField(queryset=Lead.objects.all(), required=False, allow_null=True)
    borrower = VisiblePrimaryKeyField(queryset=Borrower.objects.all(), required=False, allow_null=True)
    application = VisiblePrimaryKeyField(queryset=Application.objects.all(), required=False, allow_null=True)

    class Meta(AppointmentUpdateSerializer.Meta):
        fields = [
            "host",
            "lead",
            "borrower",
            "application",
            *AppointmentUpdateSerializer.Meta.fields,
            "starts_at",
            "ends_at",
            "outside_hours",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One guest, and a host."""
        check_one(attrs, ("lead", "borrower", "application"))
        caller = caller_of(self)
        if caller.role == Role.CLIENT and attrs.get("notes"):
            raise serializers.ValidationError({"notes": ["These are for those who work here."]})
        if "host" not in attrs:
            if caller.role not in HOSTS:
                raise serializers.ValidationError({"host": ["Say whom to meet."]})
            attrs["host"] = User.objects.get(pk=caller.pk)
        return attrs


def check_one(attrs: dict[str, Any], names: tuple[str, ...]) -> None:
    """Exactly one of several references is given."""
    given = [name for name in names if attrs.get(name) is not None]
    if len(given) != 1:
        words = "Give exactly one of lead, borrower and application."
        raise serializers.ValidationError({name: [words] for name in (given or names)})


class RescheduleSerializer(Serializer):
    """Another time for an appointment."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    outside_hours = serializers.BooleanField(default=False)


class CompleteSerializer(Serializer):
    """What came of an appointment; `attended` is false where the guest did not come."""

    attended = serializers.BooleanField(default=True)
    outcome = serializers.CharField(max_length=5_000, required=False, allow_blank=True, default="")
    notes = serializers.CharField(max_length=5_000, required=False, allow_blank=True)


class CancelSerializer(Serializer):
    """Why an appointment is called off."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class AvailabilityQuerySerializer(Serializer):
    """What is asked: days by the host's clock, inclusive; the length of a meeting, and the rest around it."""

    host = HostField()
    to = serializers.DateField()
    minutes = serializers.IntegerField(min_value=5, max_value=720, default=30)
    buffer = serializers.IntegerField(min_value=0, max_value=240, default=0, help_text="Minutes.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name of Python's."""
        return {**super().get_fields(), "from": serializers.DateField()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Not too many days, and none that nobody can book."""
        first, last, today = attrs["from"], attrs["to"], timezone.now().date()
        if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            raise serializers.ValidationError({"to": [f"Ask for 1 to {MOST_DAYS} days."]})
        if not date(today.year - 3, 1, 1) <= first <= date(today.year + 3, 1, 1):
            raise serializers.ValidationError({"from": ["Ask for days within three years."]})
        return attrs


class SlotSerializer(Serializer):
    """A time that is free."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class AvailabilitySerializer(Serializer):
    """What is free of a host; `timezone` is that of the days that were asked for."""

    host = ActorSerializer()
    timezone = serializers.CharField()
    minutes = serializers.IntegerField()
    slots = SlotSerializer(many=True)


class OfficeHoursSerializer(ModelSerializer):
    """Office hours; those of the caller unless an administrator says otherwise."""

    host = KeeperField(required=False)

    class Meta:
        model = OfficeHours
        fields = [
            "id",
            "host",
            "kind",
            "weekday",
            "opens_at",
            "closes_at",
            "valid_from",
            "valid_until",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What each kind needs, and does without."""
        caller = caller_of(self)
        if not self.instance:
            attrs.setdefault("host", User.objects.get(pk=caller.pk))
        names = ("weekday", "opens_at", "closes_at", "valid_from", "valid_until")
        known = {name: attrs.get(name, getattr(self.instance, name, None)) for name in names}
        kind = attrs.get("kind", getattr(self.instance, "kind", HoursKind.WEEKLY))
        wanted, unwanted = _needs(kind)
        errors = {name: ["This is needed."] for name in wanted if known[name] is None}
        errors |= {name: [f"Not with {kind} hours."] for name in unwanted if known[name] is not None}
        if errors:
            raise serializers.ValidationError(errors)
        for first, last in (("opens_at", "closes_at"), ("valid_from", "valid_until")):
            start, end = known[first], known[last]
            if (
                start is not None
                and end is not None
                and (end < start or (end == start and first == "opens_at"))
            ):
                raise serializers.ValidationError({last: ["This is before the beginning."]})
        return attrs


def _needs(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    match kind:
        case HoursKind.WEEKLY:
            return ("weekday", "opens_at", "closes_at"), ()
        case HoursKind.EXTRA:
            return ("opens_at", "closes_at", "valid_from", "valid_until"), ("weekday",)
        case _:
            return ("valid_from", "valid_until"), ("weekday", "opens_at", "closes_at")


class CalendarLinkSerializer(Serializer):
    """Whether there is a link to one's calendar, since when; the address itself only when it is made."""

    is_on = serializers.BooleanField()
    created_at = serializers.DateTimeField(allow_null=True)


class NewCalendarLinkSerializer(CalendarLinkSerializer):
    """A link that was made; it is told this once."""

    url = serializers.URLField()
