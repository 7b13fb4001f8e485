"""Shapes of templates, and of what is asked of letters."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from applications.models import Application
from borrowers.models import Guarantor
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from documents.choices import LetterFormat, LetterType
from documents.facts.letters import LetterOptions
from documents.models import LetterTemplate
from events.serializers import ActorSerializer
from servicing.dates import business_date


class TemplateSerializer(ModelSerializer):
    """A version of a template; its source has an address of its own."""

    created_by = ActorSerializer(read_only=True)

    class Meta:
        model = LetterTemplate
        fields = [
            "id",
            "letter_type",
            "format",
            "version",
            "name",
            "is_active",
            "size",
            "sha256",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class TemplateUpdateSerializer(ModelSerializer):
    """What may be changed of a template: another source is another version."""

    class Meta:
        model = LetterTemplate
        fields = ["name", "is_active"]


class TemplateInputSerializer(Serializer):
    """A template to be kept: Typst text in `source`, or a file, Typst (.typ) or Word (.docx)."""

    letter_type = serializers.ChoiceField(choices=LetterType.choices)
    format = serializers.ChoiceField(choices=LetterFormat.choices)
    name = serializers.CharField(max_length=200)
    is_active = serializers.BooleanField(default=False, help_text="Use it from now on.")
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, trim_whitespace=False, help_text="Typst, for PDF."
    )
    file = serializers.FileField(required=False, help_text="In a form, in place of `source`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of text and file, not too large; Word templates are files."""
        file, text = attrs.pop("file", None), attrs.pop("source", None)
        if (file is None) == (text is None):
            raise serializers.ValidationError({"source": ["Send either a source or a file."]})
        if text is not None and attrs["format"] == LetterFormat.DOCX:
            raise serializers.ValidationError({"source": ["A Word template is sent as a file."]})
        size = file.size if file is not None else len(text.encode("utf-8", "replace"))
        if size > settings.TEMPLATE_MAX_BYTES:
            limit = settings.TEMPLATE_MAX_BYTES // 1024
            name = "source" if file is None else "file"
            raise serializers.ValidationError({name: [f"A template has at most {limit} KiB."]})
        attrs["source"] = file.read() if file is not None else text.encode("utf-8", "replace")
        return attrs


class LetterOptionsSerializer(Serializer):
    """What may be chosen for a letter. What a letter does not tell of is passed over."""

    date = serializers.DateField(required=False, help_text="Of the letter; today when left out.")
    message = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="A paragraph of your own."
    )
    valid_until = serializers.DateField(
        required=False, allow_null=True, help_text="Of an offer; 30 days after the letter when left out."
    )
    guarantor = VisiblePrimaryKeyField(
        queryset=Guarantor.objects.all(),
        required=False,
        allow_null=True,
        help_text="Whom a guarantor letter goes to.",
    )
    payout_date = serializers.DateField(
        required=False, allow_null=True, help_text="Of a payout figure; the letter's when left out."
    )
    start = serializers.DateField(
        required=False, allow_null=True, help_text="Of a statement; the loan's first day when left out."
    )
    end = serializers.DateField(
        required=False, allow_null=True, help_text="Of a statement; today when left out."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A statement ends after it starts."""
        start, end = attrs.get("start"), attrs.get("end")
        if start and end and end < start:
            raise serializers.ValidationError({"end": ["A statement ends on or after its first day."]})
        return attrs

    def options(self) -> LetterOptions:
        """What was chosen."""
        names = ("message", "valid_until", "guarantor", "payout_date", "start", "end")
        given = {name: self.validated_data[name] for name in names if name in self.validated_data}
        return LetterOptions(dated=self.validated_data.get("date") or business_date(), **given)


class GenerateSerializer(LetterOptionsSerializer):
    """A letter to be made."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all())
    format = serializers.ChoiceField(choices=LetterFormat.choices, default=LetterFormat.PDF)
    title = serializers.CharField(required=False, max_length=200, help_text="Of the document.")
    visible_to_client = serializers.BooleanField(default=False)


class PreviewSerializer(LetterOptionsSerializer):
    """What to preview: a letter of an application, or of made-up facts without one."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all(), required=False, allow_null=True)


class PreviewOfTypeSerializer(PreviewSerializer):
    """The same, of the template in use for a type."""

    as_format = serializers.ChoiceField(choices=LetterFormat.choices, default=LetterFormat.PDF)


class SourceSerializer(Serializer):
    """Which source to download."""

    as_format = serializers.ChoiceField(choices=LetterFormat.choices, default=LetterFormat.PDF)
    built_in = serializers.BooleanField(
        default=False, help_text="The one that comes with the product, also where one of yours is in use."
    )


class LetterTypeSerializer(Serializer):
    """A type of letter, and the version of your template that it is made from; null is the built-in one."""

    letter_type = serializers.ChoiceField(choices=LetterType.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    subject = serializers.CharField()
    pdf_version = serializers.IntegerField(allow_null=True)
    docx_version = serializers.IntegerField(allow_null=True)
