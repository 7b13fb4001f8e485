"""Applications as lists and details show them, and who is concerned by one."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Prefetch, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from applications.models import (
    Application,
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
    Product,
    Security,
    StageChange,
)
from borrowers.models import Borrower
from crm_backend.common.batches import Lookup
from crm_backend.common.read_engine.statements import Statement

# By hand: to have this put together by Django takes longer than to have it answered.
_CONCERNED = """
    SELECT id FROM users_user WHERE status = 'active' AND id IN (
        SELECT id FROM users_user WHERE role = 'admin' AND status = 'active'
        UNION ALL SELECT user_id FROM brokers_broker WHERE id = %s
        UNION ALL SELECT user_id FROM brokers_bdm WHERE id = %s
        UNION ALL {borrowers}
    )"""
_OF_KNOWN = _CONCERNED.format(
    borrowers="""SELECT borrowers_borrower.user_id FROM borrowers_borrower
            JOIN applications_applicationborrower link ON link.borrower_id = borrowers_borrower.id
            WHERE link.application_id = %s"""
)
_OF_NEW = _CONCERNED.format(borrowers="SELECT unnest(%s::bigint[])")


def _count_of(links: QuerySet[Any]) -> Coalesce:
    """How many rows of a child table belong to each application: a subquery, no join, no grouping."""
    counted = links.filter(application=OuterRef("pk")).order_by().values("application")
    return Coalesce(
        Subquery(counted.annotate(n=Count("*")).values("n"), output_field=IntegerField()), Value(0)
    )


def for_list(applications: QuerySet[Any]) -> QuerySet[Any]:
    """Applications as list rows show them: names joined, borrowers counted.

    The product's name is a subquery: with scope and search it would be the ninth table, and PostgreSQL
    looks for the best order of eight (`join_collapse_limit`).
    """
    return applications.select_related("broker", "bd__user", "branch").annotate(
        product_name=Subquery(Product.objects.filter(pk=OuterRef("product")).values("name")),
        borrower_count=_count_of(ApplicationBorrower.objects.all()),
    )


def for_detail(applications: QuerySet[Any]) -> QuerySet[Any]:
    """Applications with everything that a detail shows."""
    people = applications.select_related(
        "product", "broker", "bd__user", "branch", "referral_partner", "created_by"
    )
    return people.prefetch_related(
        Prefetch("borrower_links", ApplicationBorrower.objects.select_related("borrower")),
        Prefetch("guarantor_links", ApplicationGuarantor.objects.select_related("guarantor")),
        Prefetch("securities", Security.objects.order_by("id")),
    )


def in_order(parties: Any) -> QuerySet[Any]:
    """The borrowers or guarantors of an application as they are ordered on it."""
    links = {"position": F("application_links__position"), "link": F("application_links__id")}
    ordered: QuerySet[Any] = parties.annotate(**links).order_by("position", "link")
    return ordered


def stage_history(application: Application) -> QuerySet[StageChange]:
    """The moves of an application, oldest first, each with when the stage that it led to was left again."""
    later = StageChange.objects.filter(application=OuterRef("application"), pk__gt=OuterRef("pk"))
    moves = application.stage_changes.annotate(
        left_at=Subquery(later.order_by("pk").values("changed_at")[:1])
    )
    return moves.select_related("actor").order_by("id")


def funding_history(application: Application) -> QuerySet[FundingCalculation]:
    """The runs of the funding calculator, latest first."""
    return application.funding_calculations.select_related("calculated_by").order_by("-id")


def people_of(application: Application) -> set[int]:
    """Ids of the users to tell about an application: its broker, BDM, borrowers, and the admins."""
    asked = people_query(application)
    return {pk for (pk,) in Statement(asked.sql, asked.values).run({})}


def people_query(application: Application) -> Lookup:
    """The same, for an event that is written with others, and finds them then."""
    return Lookup(_OF_KNOWN, (application.broker_id, application.bd_id, application.pk))


def people_query_of_new(application: Application, borrowers: Iterable[Borrower]) -> Lookup:
    """The same of one that is about to be written, with these borrowers."""
    logins = [party.user_id for party in borrowers if party.user_id is not None]
    return Lookup(_OF_NEW, (application.broker_id, application.bd_id, logins))


def security_total(application: Application) -> Any:
    """The stated values of an application's securities together, AUD."""
    return application.securities.aggregate(total=Sum("value"))["total"]
