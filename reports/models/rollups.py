"""Rollups: sums kept as events happen, so that a report reads hundreds of rows instead of millions.

Derived altogether: `./crm manage rollups --rebuild` makes them anew. Ids are not foreign keys: what is gone
is taken out of the sums by the refresh that its event causes. 0 stands for nobody.
"""

from django.db import models
from django.db.models import Q

from crm_backend.common.policy import ADMIN
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet
from reports.choices import RULES, Grain, Level, Topic

# What people are listed by, and what is then told of those who are.
_RANKED = (Topic.OPENED, Topic.SETTLED, Topic.SETTLEMENT, Topic.COMMISSION)
_TOLD = (Topic.OPENED, Topic.APPROVED, Topic.SETTLED, Topic.STAGE, Topic.COMMISSION)


class RollupQuerySet(ScopedQuerySet):
    """Reports read them by the reader's reach; nobody is shown the rows."""

    scopes = {ADMIN: EVERYTHING}


class Cell(models.Model):
    """The sums of one topic and label over one period and one level. `amount` is AUD.

    `other` and `span` are what the topic says in `selectors.contributions`.
    """

    topic = models.CharField(max_length=16, choices=Topic.choices)
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    grain = models.PositiveSmallIntegerField(choices=Grain.choices)
    broker = models.BigIntegerField()
    bd = models.BigIntegerField()
    branch = models.BigIntegerField()
    day = models.DateField(help_text="The first day of the period.")
    label = models.CharField(max_length=100)
    count = models.BigIntegerField()
    amount = models.DecimalField(max_digits=24, decimal_places=2, help_text="AUD.")
    other = models.DecimalField(max_digits=30, decimal_places=6)
    span = models.BigIntegerField()

    objects = RollupQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="cell_once",
                fields=["topic", "level", "grain", "broker", "bd", "branch", "day", "label"],
            )
        ]
        indexes = [
            # Everybody's, or those of a branch, where a report lists people or branches.
            models.Index(
                name="cell_of_all",
                fields=["topic", "level", "grain", "day", "branch"],
                condition=~Q(level=Level.BOOK),
            ),
            # Those of one BDM, by broker.
            models.Index(
                name="cell_of_bdm", fields=["topic", "grain", "bd", "day"], condition=Q(level=Level.BROKER)
            ),
            # Lists of people are read from these two alone: of thousands, each cell would be another page.
            models.Index(
                name="cell_of_list",
                fields=["topic", "level", "grain", "day", "branch"],
                include=["bd", "broker", "label", "count", "amount"],
                condition=Q(level__gte=Level.BDM, grain__gte=Grain.MONTH, topic__in=_RANKED),
            ),
            models.Index(
                name="cell_of_broker",
                fields=["topic", "grain", "broker", "day"],
                include=["bd", "branch", "label", "count", "amount", "other", "span"],
                condition=Q(level=Level.BROKER, grain__gte=Grain.MONTH, topic__in=_TOLD),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.label} {self.day}"


class Fact(models.Model):
    """What one application added to the cells when it was last counted, taken out when it changes."""

    application = models.BigIntegerField(primary_key=True)
    counted = models.JSONField(help_text="Lists in the order of `selectors.contributions.COLUMNS`.")

    objects = RollupQuerySet.as_manager()

    def __str__(self) -> str:
        return f"fact of application {self.application}"


class Due(models.Model):
    """An application that has to be counted again because of something that happened at a moment."""

    application = models.BigIntegerField()
    since = models.DateTimeField()

    objects = RollupQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "due"
        indexes = [models.Index(name="due_since", fields=["since"])]

    def __str__(self) -> str:
        return f"application {self.application} since {self.since}"


class RollupState(models.Model):
    """How far the rollups have come. The one row there is has the key 1.

    Until `is_whole`, reports are computed from the rows themselves, and so they are by a release whose rules
    have another number than `counted_by`. `reached` is the last application that a rebuild has counted;
    `nights_to` the last business date whose nightly work is counted; `checked_on` the last one on which all
    was compared with the rows.
    """

    is_whole = models.BooleanField(default=False)
    reached = models.BigIntegerField(default=0)
    nights_to = models.DateField(null=True)
    checked_on = models.DateField(null=True)
    counted_by = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="`choices.RULES` of whoever counted."
    )

    objects = RollupQuerySet.as_manager()

    def __str__(self) -> str:
        return "whole" if self.is_whole else f"rebuilt to application {self.reached}"

    @property
    def is_current(self) -> bool:
        """Whether they are whole to this release."""
        return self.is_whole and self.counted_by == RULES
