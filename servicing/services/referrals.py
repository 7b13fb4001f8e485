"""What a referral partner earns by a loan: its terms, in versions, and what accrues at the settlement.

The partnership's row is locked by both, so that terms cannot begin in the past of a settlement at the same
time, and of two settlements that tiers of a period look at, the second sees the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from applications.models import Application
from brokers.models import Partnership
from events.services import emit
from servicing import commissions as rules
from servicing.allocation import ZERO
from servicing.choices import CommissionKind, PartnerTermsKind, TierBasis
from servicing.events import PARTNERSHIP_TERMS
from servicing.models import Commission, Loan, PartnershipTerms, PartnershipTier, ScheduleVersion
from servicing.months import financial_year_of, first_of, last_of, quarter_of
from servicing.services.commissions import write_commission
from servicing.services.errors import TermsInUse
from servicing.services.ledger import OpenLedger


@dataclass(frozen=True)
class Referral:
    """What a settlement owes who referred it. `before`: what tiers of a period count from, AUD."""

    terms: PartnershipTerms
    tiers: Sequence[rules.Tier] = ()
    before: Decimal = ZERO

    def amount_of(self, principal: Decimal) -> Decimal:
        """The commission on so much that is lent, AUD."""
        terms = self.terms
        if terms.flat_amount is not None:
            return terms.flat_amount
        if terms.rate is not None:
            return rules.percent_of(principal, terms.rate)
        return rules.tiered_of(principal, self.tiers, self.before)


def referral_of(application: Application, on: date) -> Referral | None:
    """What is to be paid for a settlement on a day; None without a partner, or if its terms say nothing.

    Call it in the transaction of the settlement. A partner whose partnership is paused or has ended since is
    paid by its terms all the same.
    """
    if application.referral_partner_id is None:
        return None
    partner = Partnership.objects.lock().get(pk=application.referral_partner_id)
    versions = partner.commission_terms.filter(valid_from__lte=on).order_by("-valid_from")
    terms = versions.prefetch_related("tiers").first()
    if terms is None or terms.kind == PartnerTermsKind.NONE:
        return None
    terms.partnership = partner
    tiers = [rules.Tier(row.from_amount, row.rate) for row in terms.tiers.all()]
    return Referral(terms, tiers, _settled_before(terms, on))


def _settled_before(terms: PartnershipTerms, on: date) -> Decimal:
    """What was lent before on the partner's loans of the period that a day is in, AUD."""
    if terms.tier_basis in ("", TierBasis.LOAN):
        return ZERO
    spans = {
        TierBasis.MONTH: (first_of(on), last_of(on)),
        TierBasis.QUARTER: quarter_of(on),
        TierBasis.FINANCIAL_YEAR: financial_year_of(on),
    }
    lent = ScheduleVersion.objects.filter(
        version=1,
        loan__application__referral_partner=terms.partnership_id,
        loan__settled_on__range=spans[TierBasis(terms.tier_basis)],
    )
    return lent.aggregate(sum=Sum("advanced", default=ZERO))["sum"]


def accrue_referral(
    ledger: OpenLedger, referral: Referral, *, principal: Decimal, on: date
) -> Commission | None:
    """Accrue what the partner earns by a loan that is settled; nothing of nothing."""
    ledger.commissions = ledger.commissions or []
    amount = referral.amount_of(principal)
    if not amount:
        return None
    terms = referral.terms
    return write_commission(
        ledger, terms, CommissionKind.UPFRONT, on, amount, base=principal, rate=terms.rate
    )


def partnership_terms_add(
    *, partnership: Partnership, actor: Any, tiers: Sequence[Mapping[str, Any]] = (), **fields: Any
) -> PartnershipTerms:
    """Add a version of the terms; the one before it ends where this begins.

    Args:
        partnership: whose.
        actor: who agreed on it.
        tiers: of tiered terms, each with `from_amount` and `rate`.
        fields: of the row.

    Raises:
        TermsInUse: a loan was settled on its first day or later.
    """
    with transaction.atomic():
        locked = Partnership.objects.lock().get(pk=partnership.pk)
        _check_unused(locked, fields["valid_from"])
        terms = PartnershipTerms.objects.create(partnership=locked, **fields)
        PartnershipTier.objects.bulk_create(PartnershipTier(terms=terms, **tier) for tier in tiers)
        emit(PARTNERSHIP_TERMS.created(label=str(terms)), actor=actor, subject=terms)
    return terms


def partnership_terms_withdraw(*, terms: PartnershipTerms, actor: Any) -> None:
    """Take back a version that no loan was settled under; call it with the row locked.

    Raises:
        TermsInUse: a loan was settled on its first day or later.
    """
    with transaction.atomic():
        _check_unused(Partnership.objects.lock().get(pk=terms.partnership_id), terms.valid_from)
        emit(PARTNERSHIP_TERMS.deleted(label=str(terms)), actor=actor, subject=terms)
        terms.delete()


def _check_unused(partnership: Partnership, valid_from: date) -> None:
    """What was settled stays as it was agreed."""
    settled = Loan.objects.filter(application__referral_partner=partnership, settled_on__gte=valid_from)
    last = settled.order_by("-settled_on").values_list("settled_on", flat=True).first()
    if last is not None:
        raise TermsInUse(extra={"last_settled_on": last.isoformat()})
