"""Shapes of saved reports, their schedules, and files."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from brokers.models import Branch
from crm_backend.common.serializers import (
    ModelSerializer,
    Serializer,
    VisiblePrimaryKeyField,
    VisiblePrimaryKeysField,
    caller_of,
)
from events.serializers import ActorSerializer
from reports.choices import CUSTOM, Recurrence, SharedWith
from reports.models import ReportFile, ReportSchedule, SavedReport
from reports.registry import REPORTS, Report
from reports.selectors.saved import branch_of, readers_of
from reports.serializers.custom import DefinitionSerializer
from reports.serializers.filters import KIND_CHOICES, filters_serializer
from reports.serializers.kept import is_standard, standard_of
from users.choices import Role
from users.models import User

STAFF = (Role.ADMIN, Role.BD)


class KeptDefinitionSerializer(DefinitionSerializer):
    """What of, grouped by what, which figures. `custom/fields/` lists the names."""

    name = None  # type: ignore[assignment]


def _kept_filters(report: Report) -> type[Serializer]:
    """The shape of a definition of one of the seven: its name, and the filters that it takes."""
    filters = filters_serializer(report)
    is_this = extend_schema_field({"type": "string", "const": report.name})
    name_field = is_this(type("ReportNameField", (serializers.CharField,), {}))
    members = {"report": name_field(), "__doc__": f"{report.title}: the filters of its own address."}
    return type(f"Kept{filters.__name__}", (filters,), members)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="ReportDefinition",
        serializers=[KeptDefinitionSerializer, *(_kept_filters(one) for one in REPORTS.values())],
        resource_type_field_name=None,
    )
)
class DefinitionField(serializers.JSONField):
    """A definition, checked as a whole and kept as it was given."""

    def to_internal_value(self, data: Any) -> Any:
        """Check it as the report's own address would."""
        if is_standard(data):
            standard_of(data, self.context)
        else:
            KeptDefinitionSerializer(data=data).is_valid(raise_exception=True)
        return super().to_internal_value(data)


class SavedReportListSerializer(ModelSerializer):
    """A saved report in a list."""

    kind = serializers.ChoiceField(
        choices=KIND_CHOICES, read_only=True, help_text="`custom`, or which of the seven; that has no source."
    )
    owner = ActorSerializer(read_only=True)

    class Meta:
        model = SavedReport
        fields = [
            "id",
            "name",
            "description",
            "kind",
            "source",
            "owner",
            "shared_with",
            "branch",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class SavedReportSerializer(SavedReportListSerializer):
    """A saved report, with its definition."""

    definition = DefinitionField(read_only=True)

    class Meta(SavedReportListSerializer.Meta):
        fields = [*SavedReportListSerializer.Meta.fields, "definition"]
        read_only_fields = fields


class SavedReportInputSerializer(ModelSerializer):
    """A report to be saved. Brokers and BDMs share with their own branch; staff with all BDMs or brokers."""

    definition = DefinitionField()
    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all(), required=False, allow_null=True)

    class Meta:
        model = SavedReport
        fields = ["name", "description", "definition", "shared_with", "branch"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Share only with whom one may."""
        if "definition" in attrs:
            attrs["kind"] = attrs["definition"].get("report", CUSTOM)
            attrs["source"] = attrs["definition"].get("source", "")
        if {"shared_with", "branch"} & set(attrs):
            shared = attrs.get("shared_with", getattr(self.instance, "shared_with", SharedWith.NOBODY))
            self._share(attrs, SharedWith(shared))
        return attrs

    def _share(self, attrs: dict[str, Any], shared: SharedWith) -> None:
        caller = caller_of(self)
        if shared is not SharedWith.BRANCH:
            if attrs.get("branch"):
                raise serializers.ValidationError({"branch": ["Only of what is shared with a branch."]})
            attrs["branch"] = None
            if shared is not SharedWith.NOBODY and caller.role not in STAFF:
                raise serializers.ValidationError(
                    {"shared_with": ["Only the lender's staff share with everybody of a role."]}
                )
            return
        own = branch_of(caller)
        branch = attrs.get("branch") or getattr(self.instance, "branch", None)
        if branch is None:
            branch = Branch.objects.filter(pk=own).first() if own else None
            if branch is None:
                raise serializers.ValidationError({"branch": ["Say which branch to share it with."]})
        if caller.role != Role.ADMIN and branch.pk != own:
            raise serializers.ValidationError({"branch": ["Share it with your own branch."]})
        attrs["branch"] = branch


class ReportScheduleListSerializer(ModelSerializer):
    """A schedule in a list."""

    report_name = serializers.CharField(source="report.name", read_only=True)
    # Without words of its own: there are none where there is no day of the week.
    weekday = serializers.IntegerField(
        read_only=True, allow_null=True, min_value=1, max_value=7, help_text="Of a weekly one; 1 is Monday."
    )

    class Meta:
        model = ReportSchedule
        fields = [
            "id",
            "report",
            "report_name",
            "recurrence",
            "weekday",
            "day_of_month",
            "at",
            "timezone",
            "format",
            "is_paused",
            "next_run_at",
            "last_run_at",
            "last_error",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ReportScheduleSerializer(ReportScheduleListSerializer):
    """A schedule, with whom it is for."""

    created_by = ActorSerializer(read_only=True)
    recipients = ActorSerializer(many=True, read_only=True)

    class Meta(ReportScheduleListSerializer.Meta):
        fields = [*ReportScheduleListSerializer.Meta.fields, "created_by", "recipients"]
        read_only_fields = fields


class ReportScheduleUpdateSerializer(ModelSerializer):
    """What may be changed of a schedule; its report stays."""

    recipients = VisiblePrimaryKeysField(
        queryset=User.objects.get_queryset().active(),
        required=False,
        min_length=1,
        help_text="Who gets a file of what they see; oneself when left out. All have to see the report.",
    )

    class Meta:
        model = ReportSchedule
        fields = [
            "recurrence",
            "weekday",
            "day_of_month",
            "at",
            "timezone",
            "format",
            "recipients",
            "is_paused",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The day that the recurrence needs, a time zone, and recipients who see the report."""
        self._set_day(attrs)
        caller = caller_of(self)
        if not attrs.get("timezone", getattr(self.instance, "timezone", "")):
            attrs["timezone"] = caller.timezone
        report = attrs["report"] if self.instance is None else self.instance.report
        if self.instance is None and "recipients" not in attrs:
            attrs["recipients"] = [caller]
        if recipients := attrs.get("recipients"):
            ids = {one.pk for one in recipients}
            seeing = set(readers_of(report).filter(pk__in=ids).values_list("pk", flat=True))
            if blind := ids - seeing:
                words = f"These do not see the report: {', '.join(map(str, sorted(blind)))}."
                raise serializers.ValidationError({"recipients": [words]})
        return attrs

    def _set_day(self, attrs: dict[str, Any]) -> None:
        recurrence = attrs.get("recurrence", getattr(self.instance, "recurrence", None))
        wanted = {Recurrence.WEEKLY: "weekday", Recurrence.MONTHLY: "day_of_month"}
        for of, name in wanted.items():
            if of == recurrence:
                if attrs.get(name, getattr(self.instance, name, None)) is None:
                    raise serializers.ValidationError({name: [f"A {of.value} schedule needs this."]})
            elif attrs.get(name) is not None:
                raise serializers.ValidationError({name: [f"Only of a {of.value} schedule."]})
            else:
                attrs[name] = None


class ReportScheduleInputSerializer(ReportScheduleUpdateSerializer):
    """A schedule to be set up, of a report that one sees."""

    report = VisiblePrimaryKeyField(queryset=SavedReport.objects.all())

    class Meta(ReportScheduleUpdateSerializer.Meta):
        fields = ["report", *ReportScheduleUpdateSerializer.Meta.fields]


class ReportFileSerializer(ModelSerializer):
    """A report that was made as a file, or is to be. It is its reader's alone."""

    class Meta:
        model = ReportFile
        fields = [
            "id",
            "title",
            "format",
            "status",
            "size",
            "error",
            "job",
            "schedule",
            "due_at",
            "created_at",
            "expires_at",
        ]
        read_only_fields = fields
