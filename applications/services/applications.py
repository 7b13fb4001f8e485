"""Opening, editing and deleting applications."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.choices import Stage
from applications.departures import depart
from applications.events import (
    ApplicationCreated,
    ApplicationDeleted,
    ApplicationReferred,
    ApplicationUpdated,
)
from applications.models import Application, ApplicationBorrower, ApplicationGuarantor, StageChange
from applications.selectors.applications import people_query_of_new
from applications.services.approval import check_still_approved
from applications.services.assignment import RESPONSIBLE, application_assign, check_at_work
from applications.services.products import check_product
from borrowers.models import Borrower, Guarantor
from borrowers.services import own_profile
from brokers.choices import PartnershipStatus
from brokers.models import Broker, Partnership
from crm_backend.common.batches import allot
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.read_engine.models import KeptRows, Soon
from events.services import emit, together
from users.choices import Role

_brokers = KeptRows(
    lambda given: Broker.objects.select_related("branch").filter(user_id=given("user_id", 1)).order_by()
)


def application_create(
    *,
    actor: Any,
    borrowers: Sequence[Borrower] = (),
    guarantors: Sequence[Guarantor] = (),
    is_referral_agreed: bool = False,
    profile: Soon | None = None,
    **fields: Any,
) -> Application:
    """Open an application at the stage of inquiry.

    A broker opens it for themselves; a client's own profile is put on it. The branch, when not given, is
    the BDM's, else the broker's; the frequency of repayments is the product's. `is_referral_agreed` says that
    the partner was named while it took referrals, so that it does not matter whether it still does.
    `profile` is the caller's own, where it was asked for already.

    Raises:
        InvalidInput: `broker`: the caller is a broker without a broker profile; broker, BDM or branch take
            no applications any more; the partner takes no referrals; terms are outside the product's limits.
    """
    with transaction.atomic(savepoint=False), together() as batch:
        product = fields.get("product")
        if product is not None:
            fields.setdefault("repayment_frequency", product.default_repayment_frequency)
        if actor.role == Role.BROKER:
            fields["broker"] = _own_broker(actor, profile or broker_profile(actor))
        if actor.role == Role.CLIENT:
            own = own_profile(actor)
            borrowers = [own, *(party for party in borrowers if party.pk != own.pk)]
        if fields.get("branch") is None:
            owner = fields.get("bd") or fields.get("broker")
            fields["branch"] = owner.branch if owner else None
        if not is_referral_agreed:
            check_referral(fields.get("referral_partner"))
        check_at_work({name: fields.get(name) for name in RESPONSIBLE})
        now = timezone.now()
        application = Application(created_by=actor, stage_entered_at=now, **fields)
        check_product(application)
        allot([application])
        batch.insert(
            application,
            *(
                ApplicationBorrower(application=application, borrower=party, position=position)
                for position, party in enumerate(borrowers)
            ),
            *(
                ApplicationGuarantor(application=application, guarantor=party, position=position)
                for position, party in enumerate(guarantors)
            ),
            StageChange(application=application, to_stage=Stage.INQUIRY, actor=actor, changed_at=now),
        )
        emit(
            ApplicationCreated(
                reference=application.reference_number,
                loan_amount=str(application.loan_amount),
                actor_name=actor.full_name,
            ),
            actor=actor,
            subject=application,
            application_id=application.pk,
            recipients=people_query_of_new(application, borrowers),
        )
        if application.referral_partner is not None:
            _tell_referral(application, actor)
    return application


def application_update(*, application: Application, actor: Any, **fields: Any) -> Application:
    """Edit terms; call it with the row locked. Unchanged values change nothing and tell nobody.

    Raises:
        InvalidInput: changed terms that are outside the product's limits; `referral_partner`: it is submitted
            already, or the partner takes no referrals.
        Conflict: it is approved, and would not have been like this.
    """
    changed = sorted(name for name, value in fields.items() if getattr(application, name) != value)
    terms = [name for name in changed if name not in RESPONSIBLE and name != "referral_partner"]
    with transaction.atomic():
        if "referral_partner" in changed:
            changed.remove("referral_partner")
            _refer(application, fields["referral_partner"], actor)
        if terms:
            for name in terms:
                setattr(application, name, fields[name])
            check_product(application, changed=terms)
            application.save(update_fields=[*terms, "updated_at"])
            check_still_approved(application)
            emit(
                ApplicationUpdated(reference=application.reference_number, field_names=", ".join(terms)),
                actor=actor,
                subject=application,
                application_id=application.pk,
            )
        if len(terms) < len(changed):
            # Also those that stay: a branch that is named is kept, whatever BDM comes.
            people = {name: row for name, row in fields.items() if name in RESPONSIBLE}
            application_assign(application=application, actor=actor, **people)
    return application


def application_delete(*, application: Application, actor: Any) -> None:
    """Delete an application that was never submitted; call it with the row locked.

    Raises:
        Conflict: it was submitted or signed; withdraw it instead.
    """
    if application.is_submitted:
        raise Conflict("A submitted application is withdrawn, not deleted.")
    if application.signatures.exists():
        raise Conflict("A signed application is withdrawn, not deleted.")
    with transaction.atomic():
        depart(application, actor)
        emit(
            ApplicationDeleted(reference=application.reference_number),
            actor=actor,
            subject=application,
            application_id=application.pk,
        )
        application.delete()


def _refer(application: Application, partner: Partnership | None, actor: Any) -> None:
    """Say who referred it. From submission on that stays as it is."""
    if application.is_submitted:
        raise InvalidInput.field("referral_partner", "Who referred a submitted application is not changed.")
    check_referral(partner)
    application.referral_partner = partner
    application.save(update_fields=["referral_partner", "updated_at"])
    _tell_referral(application, actor)


def check_referral(partner: Partnership | None, *, field: str = "referral_partner") -> None:
    """Refuse a partner that takes no referrals.

    Raises:
        InvalidInput: `field`: the partnership is not active.
    """
    if partner is not None and partner.status != PartnershipStatus.ACTIVE:
        raise InvalidInput.field(field, "This partnership is not active: it takes no referrals.")


def _tell_referral(application: Application, actor: Any) -> None:
    partner = str(application.referral_partner or "none")
    payload = ApplicationReferred(reference=application.reference_number, partner=partner)
    emit(payload, actor=actor, subject=application, application_id=application.pk)


def broker_profile(actor: Any) -> Soon | None:
    """The profile of a broker, asked for together with what is asked next; None for others."""
    return _brokers.soon(user_id=actor.pk) if actor.role == Role.BROKER else None


def _own_broker(actor: Any, profile: Any) -> Any:
    brokers = profile.get()
    if not brokers:
        raise InvalidInput.field("broker", "Your login has no broker profile yet. Ask the lender for one.")
    [broker] = brokers
    broker.user = actor
    return broker
