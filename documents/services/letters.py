"""Making letters: what one needs, printing one, and keeping it as a document."""

import hashlib
from datetime import date
from typing import Any

from django.db import transaction

from applications.models import Application
from borrowers.models import Guarantor
from crm_backend.common.errors import Conflict, InvalidInput
from documents.choices import DocumentKind, LetterFormat, LetterType
from documents.facts.letters import LetterOptions, lacks, letter_facts
from documents.letters.press import MEDIA_TYPES, Form, Printed, TemplateFault, press
from documents.models import GeneratedLetter, LetterTemplate
from documents.services.documents import document_create
from documents.services.files import file_keep
from documents.services.templates import source_of
from jobs.models import Job
from jobs.registry import Done, JobFailed
from jobs.services.lifecycle import job_create
from jobs.services.running import Run

KIND = "documents.letter"
KINDS = {
    LetterType.LOAN_AGREEMENT: DocumentKind.AGREEMENT,
    LetterType.GUARANTOR_LETTER: DocumentKind.AGREEMENT,
    LetterType.STATEMENT: DocumentKind.STATEMENT,
}


class LetterNotPossible(Conflict):
    """The application lacks something that the letter tells of; `missing` names it."""

    code = "letter_not_possible"
    title = "Letter not possible"
    default_detail = "The application lacks something that this letter tells of."


class TemplateFails(Conflict):
    """The template in use cannot be printed with the facts of this application."""

    code = "template_fails"
    title = "The template fails"
    default_detail = "The template cannot be printed with the facts of this application."


def letter_print(
    *,
    application: Application,
    letter_type: LetterType,
    form: LetterFormat,
    options: LetterOptions,
    template: LetterTemplate | None = None,
) -> tuple[Printed, GeneratedLetter]:
    """Print a letter from the template given or else the one in use; write nothing.

    Returns the file, and what is to be kept of where it came from.

    Raises:
        LetterNotPossible: the application lacks something.
        InvalidInput: its terms make no schedule.
        TemplateFails: the template cannot be printed with these facts.
    """
    letter_check(application=application, letter_type=letter_type, options=options)
    source, used = (bytes(template.source), template) if template else source_of(letter_type, form)
    facts = letter_facts(application, letter_type, options)
    try:
        printed = press.print(Form(form), source, facts)
    except TemplateFault as fault:
        raise TemplateFails(f"The template cannot be printed with these facts. {fault}") from None
    letter = GeneratedLetter(
        letter_type=letter_type,
        template=used,
        template_sha256=hashlib.sha256(source).hexdigest(),
        facts=facts,
        places=[vars(place) for place in printed.places],
    )
    return printed, letter


def letter_check(*, application: Application, letter_type: LetterType, options: LetterOptions) -> None:
    """Refuse a letter that would tell of what is not there.

    Raises:
        LetterNotPossible: naming what is missing.
        InvalidInput: it is to a guarantor, and no guarantor of the application is chosen.
    """
    if missing := lacks(application, letter_type):
        raise LetterNotPossible(f"For this letter: {'; '.join(missing)}.", extra={"missing": missing})
    guarantor = options.guarantor
    if letter_type == LetterType.GUARANTOR_LETTER and guarantor is None:
        raise InvalidInput.field("guarantor", "Choose the guarantor that the letter goes to.")
    if guarantor and not application.guarantor_links.filter(guarantor=guarantor).exists():
        raise InvalidInput.field("guarantor", "This guarantor is not on the application.")


def letter_request(
    *,
    application: Application,
    letter_type: LetterType,
    form: LetterFormat,
    options: LetterOptions,
    title: str,
    visible_to_client: bool,
    actor: Any,
) -> Job:
    """Have a letter made by a worker.

    Raises:
        LetterNotPossible, InvalidInput: as `letter_check`.
        TooManyJobs: the caller has too many jobs already.
    """
    letter_check(application=application, letter_type=letter_type, options=options)
    return job_create(
        kind=KIND,
        actor=actor,
        parameters={
            "application": application.pk,
            "letter_type": letter_type.value,
            "format": form.value,
            "title": title,
            "visible_to_client": visible_to_client,
            "options": _written(options),
        },
    )


def letter_make(run: Run) -> Done:
    """The job: print the letter and keep it as a document. A repetition finds the document that is there."""
    made = GeneratedLetter.objects.filter(job=run.job).select_related("version__document").first()
    if made is None:
        made = _make(run)
    document = made.version.document
    return Done(
        message=f"{document.title} is ready.",
        result={"document": document.pk, "version": made.version_id, "application": document.application_id},
    )


def _make(run: Run) -> GeneratedLetter:
    asked = run.job.parameters
    application = Application.objects.filter(pk=asked["application"]).first()
    if application is None:
        raise JobFailed("The application is gone.")
    # It may have waited, or been asked for again, for days.
    if not Application.objects.visible_to(run.job.created_by).filter(pk=application.pk).exists():
        raise JobFailed("You do not see this application any more.")
    letter_type, form = LetterType(asked["letter_type"]), LetterFormat(asked["format"])
    run.advance(done=0, total=2, message="Printing")
    try:
        printed, letter = letter_print(
            application=application, letter_type=letter_type, form=form, options=_read(asked["options"])
        )
    except (Conflict, InvalidInput) as error:
        raise JobFailed(error.detail, {"code": error.code, "errors": error.errors, **error.extra}) from None
    file = file_keep(content=printed.content, content_type=MEDIA_TYPES[Form(form)])
    run.advance(done=1, total=2, message="Keeping the document")
    title = asked["title"] or str(letter_type.label)
    with transaction.atomic():
        run.hold()
        document = document_create(
            application=application,
            actor=run.job.created_by,
            file=file,
            name=f"{title} {application.reference_number}.{form.value}",
            title=title,
            kind=KINDS.get(letter_type, DocumentKind.LETTER),
            visible_to_client=asked["visible_to_client"],
        )
        assert document.current is not None
        letter.version, letter.job = document.current, run.job
        letter.save()
    return letter


def _written(options: LetterOptions) -> dict[str, Any]:
    return {
        "date": options.dated.isoformat(),
        "message": options.message,
        "guarantor": options.guarantor.pk if options.guarantor else None,
        **{name: _text(getattr(options, name)) for name in _DAYS},
    }


def _read(written: dict[str, Any]) -> LetterOptions:
    days = {name: date.fromisoformat(written[name]) if written[name] else None for name in _DAYS}
    guarantor = Guarantor.objects.filter(pk=written["guarantor"]).first() if written["guarantor"] else None
    given = date.fromisoformat(written["date"])
    return LetterOptions(dated=given, message=written["message"], guarantor=guarantor, **days)


_DAYS = ("valid_until", "payout_date", "start", "end")


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
