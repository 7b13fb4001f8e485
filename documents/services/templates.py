"""The lender's own templates: each is printed once with made-up facts before it is kept."""

import hashlib
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import changed_names
from documents.choices import LetterFormat, LetterType
from documents.events import TemplateActivated, TemplateAdded, TemplateDeleted, TemplateUpdated
from documents.letters.builtin import LETTERS
from documents.letters.press import Form, TemplateFault, press
from documents.letters.sample import SAMPLE
from documents.letters.typst_form import typst_source
from documents.letters.word_form import word_source
from documents.models import LetterTemplate
from events.services import emit


class BrokenTemplate(InvalidInput):
    """A template that cannot be printed; `line` is the line at fault, where it is known."""

    code = "broken_template"
    title = "Broken template"


def template_check(*, form: LetterFormat, source: bytes) -> None:
    """Print a template with made-up facts; call it before the transaction.

    Raises:
        BrokenTemplate: it cannot be printed.
    """
    try:
        press.print(Form(form), source, SAMPLE)
    except TemplateFault as fault:
        raise BrokenTemplate(
            f"The template cannot be printed. {fault}",
            errors={"source": [str(fault)]},
            extra={"line": fault.line},
        ) from None


def template_add(
    *,
    letter_type: LetterType,
    form: LetterFormat,
    name: str,
    source: bytes,
    is_active: bool,
    actor: Any,
) -> LetterTemplate:
    """Keep the next version of a template that was checked, and use it from now on if that is asked for."""
    with transaction.atomic():
        _lock_kind(letter_type, form)
        alike = LetterTemplate.objects.filter(letter_type=letter_type, format=form)
        template = LetterTemplate.objects.create(
            letter_type=letter_type,
            format=form,
            version=(alike.aggregate(last=Max("version"))["last"] or 0) + 1,
            name=name,
            source=source,
            size=len(source),
            sha256=hashlib.sha256(source).hexdigest(),
            created_by=actor,
        )
        emit(TemplateAdded(**_told(template)), actor=actor, subject=template)
        if is_active:
            _activate(template, actor)
    return template


def template_update(
    *, template: LetterTemplate, actor: Any, name: str | None = None, is_active: bool | None = None
) -> LetterTemplate:
    """Rename a template, or begin or cease to use it; call it with the row locked."""
    with transaction.atomic():
        _lock_kind(template.letter_type, template.format)
        fields = {
            key: value
            for key, value in (("name", name), ("is_active", is_active))
            if value is not None and not (key == "is_active" and value)
        }
        if changed := changed_names(template, fields):
            for key in changed:
                setattr(template, key, fields[key])
            template.save(update_fields=changed)
            told = TemplateUpdated(**_told(template), field_names=", ".join(changed))
            emit(told, actor=actor, subject=template)
        if is_active and not template.is_active:
            _activate(template, actor)
    return template


def template_delete(*, template: LetterTemplate, actor: Any) -> None:
    """Delete a template that no letter was made from; call it with the row locked.

    Raises:
        Conflict: a letter was made from it.
    """
    if template.letters.exists():
        raise Conflict("Letters were made from this template. Cease to use it instead.")
    with transaction.atomic():
        emit(TemplateDeleted(**_told(template)), actor=actor, subject=template)
        template.delete()


def source_of(letter_type: LetterType, form: LetterFormat) -> tuple[bytes, LetterTemplate | None]:
    """What such letters are printed from now: the active template's source, or the built-in one's."""
    own = LetterTemplate.objects.active().filter(letter_type=letter_type, format=form).first()
    return (bytes(own.source), own) if own else (built_in(letter_type, form), None)


@cache
def built_in(letter_type: str, form: str) -> bytes:
    """The source of a built-in template."""
    letter = LETTERS[letter_type]
    return typst_source(letter).encode() if form == LetterFormat.PDF else word_source(letter)


def _activate(template: LetterTemplate, actor: Any) -> None:
    alike = LetterTemplate.objects.filter(letter_type=template.letter_type, format=template.format)
    alike.filter(is_active=True).update(is_active=False)
    template.is_active = True
    template.save(update_fields=["is_active"])
    emit(TemplateActivated(**_told(template)), actor=actor, subject=template)


def _lock_kind(letter_type: str, form: str) -> None:
    """Two at once must not both be the next version, nor both the one in use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"letters.template:{letter_type}:{form}"],
        )


def _told(template: LetterTemplate) -> dict[str, Any]:
    return {
        "template_id": template.pk,
        "letter_type": template.letter_type,
        "letter_type_display": template.get_letter_type_display(),
        "format": template.format,
        "version": template.version,
    }
