"""Writing, responding to and hiding reviews."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import save_changes
from engagement.events import ReviewHidden, ReviewResponded, ReviewUpdated, ReviewWritten
from engagement.models import Review
from events.services import emit
from users.models import User


class ReviewWrittenBefore(Conflict):
    """The borrower has reviewed the loan."""

    code = "review_written_before"
    title = "There is a review already"
    default_detail = "You reviewed this loan before. Edit that review."


class ReviewAnswered(Conflict):
    """There is a response to the review."""

    code = "review_answered"
    title = "There is a response already"
    default_detail = "This review was responded to."


class ReviewHiddenBefore(Conflict):
    """The review is hidden."""

    code = "review_hidden"
    title = "The review is hidden"
    default_detail = "This review is hidden already."


def review_write(*, application: Application, author: Any, **fields: Any) -> Review:
    """Review a settled loan, and tell its broker and BDM.

    Raises:
        InvalidInput: the loan is not settled.
        ReviewWrittenBefore: the borrower has reviewed it.
    """
    if not application.is_settled:
        raise InvalidInput.field("application", "Only a settled loan can be reviewed.")
    # visible_to let only applications through that an own profile is on.
    borrower = Borrower.objects.filter(user=author, applications=application).order_by("pk").first()
    assert borrower is not None
    try:
        with transaction.atomic():
            review = Review.objects.create(
                application=application, borrower=borrower, author=author, **fields
            )
    except IntegrityError as error:
        if "review_once" not in str(error):
            raise
        raise ReviewWrittenBefore() from error
    payload = ReviewWritten(
        review_id=review.pk,
        reference=application.reference_number,
        rating=review.rating,
        author_name=author.full_name,
    )
    told = [one.user_id for one in (application.broker, application.bd) if one and one.user_id]
    recipients = User.objects.active().filter(pk__in=told)
    emit(payload, actor=author, subject=review, application_id=application.pk, recipients=recipients)
    return review


def review_update(*, review: Review, actor: Any, **fields: Any) -> Review:
    """Edit a review; call it with the row locked.

    Raises:
        ReviewAnswered: it was responded to.
    """
    if review.responded_at is not None:
        raise ReviewAnswered("A review that was responded to is not edited.")
    return _save(review, actor, fields)


def review_respond(*, review: Review, actor: Any, response: str) -> Review:
    """Respond to a review, and tell its author; who responded may edit it. Call it with the row locked.

    Raises:
        ReviewAnswered: somebody else responded.
    """
    if review.responded_by_id == actor.pk:
        return _save(review, actor, {"response": response})
    if review.responded_at is not None:
        raise ReviewAnswered()
    values = {"response": response, "responded_by": actor, "responded_at": timezone.now()}
    save_changes(review, values)
    payload = ReviewResponded(
        review_id=review.pk,
        reference=review.application.reference_number,
        responder_name=actor.full_name,
    )
    author = [review.author] if review.author.is_active else []
    emit(payload, actor=actor, subject=review, application_id=review.application_id, recipients=author)
    return review


def review_hide(*, review: Review, actor: Any, reason: str) -> Review:
    """Hide a review, and keep it; call it with the row locked.

    Raises:
        ReviewHiddenBefore: it is hidden.
    """
    if review.hidden_at is not None:
        raise ReviewHiddenBefore()
    save_changes(review, {"hidden_by": actor, "hidden_at": timezone.now(), "hidden_reason": reason})
    payload = ReviewHidden(review_id=review.pk, reason=reason)
    emit(payload, actor=actor, subject=review, application_id=review.application_id)
    return review


def _save(review: Review, actor: Any, fields: dict[str, Any]) -> Review:
    if changed := save_changes(review, fields):
        payload = ReviewUpdated(review_id=review.pk, field_names=", ".join(changed))
        emit(payload, actor=actor, subject=review, application_id=review.application_id)
    return review
