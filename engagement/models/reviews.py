"""What clients say of settled loans."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, through, where
from engagement.choices import ReviewSubject
from users.choices import Role

_ON_APPLICATION = through("application")
SHOWN = Scope(
    "those on visible applications that are not hidden",
    lambda reviews, user: _ON_APPLICATION.rows(reviews, user) & Q(hidden_at=None),
)


class ReviewQuerySet(ScopedQuerySet):
    """Reviews, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: _ON_APPLICATION,
        Role.BROKER: SHOWN,
        Role.CLIENT: where("written by me", lambda user: Q(author=user)),
    }


class Review(TimestampedModel):
    """One borrower's word on one settled loan: 1 to 5 stars. One that is hidden is kept, and not counted."""

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="reviews", db_index=False
    )
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="reviews")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    about = models.CharField(max_length=8, choices=ReviewSubject.choices, default=ReviewSubject.BOTH)
    rating = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)], help_text="Stars."
    )
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=5_000, blank=True)
    response = models.TextField(max_length=5_000, blank=True, editable=False)
    responded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    responded_at = models.DateTimeField(null=True, editable=False)
    hidden_reason = models.CharField(max_length=500, blank=True, editable=False)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    hidden_at = models.DateTimeField(null=True, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="review_once", fields=["application", "borrower"]),
            models.CheckConstraint(name="review_of_stars", condition=Q(rating__gte=1, rating__lte=5)),
            models.CheckConstraint(
                name="review_response_of_somebody",
                condition=Q(responded_by=None, responded_at=None, response="")
                | Q(responded_by__isnull=False, responded_at__isnull=False),
            ),
            models.CheckConstraint(
                name="review_hidden_by_somebody",
                condition=Q(hidden_by=None, hidden_at=None)
                | Q(hidden_by__isnull=False, hidden_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="review_newest", fields=["created_at", "id"]),
            models.Index(name="review_rating", fields=["rating", "id"]),
            models.Index(name="review_of_author", fields=["author", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.title
