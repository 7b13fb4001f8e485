"""Templates of letters, and what was made from them."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet
from documents.choices import LetterFormat, LetterType
from documents.models.files import DocumentVersion
from jobs.models import Job
from users.choices import Role


class LetterTemplateQuerySet(ScopedQuerySet):
    """Templates are the lender's."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: EVERYTHING}

    def active(self) -> "LetterTemplateQuerySet":
        """Those that letters are made from now."""
        return self.filter(is_active=True)


class LetterTemplate(models.Model):
    """One version of a template of the lender's own. Its source never changes; a new one is a new version.

    Of each type and format at most one is active; without one the built-in template is used. `source` is
    Typst text for PDF, a Word file for DOCX; it is kept in the database, as small and as much evidence as a
    signature (docs/adr/0014).
    """

    letter_type = models.CharField(max_length=24, choices=LetterType.choices)
    format = models.CharField(max_length=8, choices=LetterFormat.choices)
    version = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    name = models.CharField(max_length=200)
    source = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    is_active = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LetterTemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="letter_template_version_once", fields=["letter_type", "format", "version"]
            ),
            models.UniqueConstraint(
                name="letter_template_active_once",
                fields=["letter_type", "format"],
                condition=Q(is_active=True),
            ),
            models.CheckConstraint(
                name="letter_template_type_known", condition=Q(letter_type__in=LetterType.values)
            ),
            models.CheckConstraint(
                name="letter_template_format_known", condition=Q(format__in=LetterFormat.values)
            ),
            models.CheckConstraint(name="letter_template_version_positive", condition=Q(version__gte=1)),
        ]
        indexes = [
            models.Index(name="letter_template_recent", fields=["-created_at", "-id"]),
            models.Index(name="letter_template_type", fields=["letter_type", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.letter_type} {self.format} version {self.version}"


class GeneratedLetter(models.Model):
    """Where a version of a document came from: the template and the facts that went into it.

    `template` is null for a built-in one, whose source `template_sha256` still tells. `places` are its lines
    to sign on: whose, on which page, and where from its top left corner, points.
    """

    version = models.OneToOneField(DocumentVersion, on_delete=models.CASCADE, related_name="letter")
    letter_type = models.CharField(max_length=24, choices=LetterType.choices)
    template = models.ForeignKey(LetterTemplate, on_delete=models.PROTECT, null=True, related_name="letters")
    template_sha256 = models.CharField(max_length=64)
    facts = models.JSONField()
    places = models.JSONField(default=list)
    job = models.OneToOneField(Job, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="generated_letter_type_known", condition=Q(letter_type__in=LetterType.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.letter_type} as version {self.version_id}"
