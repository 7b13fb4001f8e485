"""What partnerships referred, in figures over the applications that the reader may see."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, NullIf, Round

from applications.models import Application
from applications.selectors.portfolios import LENT, STILL_OPEN
from users.models import User

_AMOUNTS: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=2)
_LENT_AMOUNT = Coalesce("approved_amount", "loan_amount")


def with_referrals(partnerships: QuerySet[Any], *, reader: User) -> QuerySet[Any]:
    """Partnerships with their referrals in figures; `PartnershipSerializer` says what each is.

    Subqueries by an index of the partner's applications: a page reads those of its own rows only.
    """
    referred = Application.objects.visible_to(reader).filter(referral_partner=OuterRef("pk"))
    settled = referred.filter(stage__in=LENT)
    rate = F("settled_referrals") * Value(Decimal("100.00")) / NullIf(F("referrals"), Value(0))
    return partnerships.annotate(
        referrals=Coalesce(_figure(referred, Count("pk")), 0),
        open_referrals=Coalesce(_figure(referred.filter(stage__in=STILL_OPEN), Count("pk")), 0),
        settled_referrals=Coalesce(_figure(settled, Count("pk")), 0),
        settled_amount=Coalesce(
            _figure(settled, Sum(_LENT_AMOUNT)), Value(Decimal("0.00")), output_field=_AMOUNTS
        ),
    ).annotate(conversion_rate=Round(rate, precision=2, output_field=_AMOUNTS))


def _figure(applications: QuerySet[Any], figure: Any) -> Subquery:
    """One figure of a correlated set of applications."""
    grouped = applications.order_by().values("referral_partner")
    return Subquery(grouped.annotate(figure=figure).values("figure"))
