"""Opening, editing and deleting applications."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.choices import Stage
from applications.events import ApplicationCreated, ApplicationDeleted, ApplicationUpdated
from applications.models import Application, ApplicationBorrower, ApplicationGuarantor, StageChange
from applications.selectors.applications import people_of
from applications.services.approval import check_still_approved
from applications.services.assignment import RESPONSIBLE, application_assign, check_at_work
from applications.services.products import check_product
from borrowers.models import Borrower, Guarantor
from borrowers.services import own_profile
from brokers.models import Broker
from crm_backend.common.errors import Conflict, InvalidInput
from events.services import emit, together
from users.choices import Role


def application_create(
    *,
    actor: Any,
    borrowers: Sequence[Borrower] = (),
    guarantors: Sequence[Guarantor] = (),
    **fields: Any,
) -> Application:
    """Open an application at the stage of inquiry.

    A broker opens it for themselves; a client's own profile is put on it. The branch, when not given, is
    the BDM's, else the broker's; the frequency of repayments is the product's.

    Raises:
        InvalidInput: `broker`: the caller is a broker without a broker profile; broker, BDM or branch take
            no applications any more; terms are outside the product's limits.
    """
    with transaction.atomic(savepoint=False), together():
        product = fields.get("product")
        if product is not None:
            fields.setdefault("repayment_frequency", product.default_repayment_frequency)
        if actor.role == Role.BROKER:
            fields["broker"] = _own_broker(actor)
        if actor.role == Role.CLIENT:
            profile = own_profile(actor)
            borrowers = [profile, *(party for party in borrowers if party.pk != profile.pk)]
        if fields.get("branch") is None:
            owner = fields.get("bd") or fields.get("broker")
            fields["branch"] = owner.branch if owner else None
        check_at_work({name: fields.get(name) for name in RESPONSIBLE})
        now = timezone.now()
        application = Application(created_by=actor, stage_entered_at=now, **fields)
        check_product(application)
        application.save()
        ApplicationBorrower.objects.bulk_create(
            ApplicationBorrower(application=application, borrower=party, position=position)
            for position, party in enumerate(borrowers)
        )
        ApplicationGuarantor.objects.bulk_create(
            ApplicationGuarantor(application=application, guarantor=party, position=position)
            for position, party in enumerate(guarantors)
        )
        StageChange.objects.create(
            application=application, to_stage=Stage.INQUIRY, actor=actor, changed_at=now
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
            recipients=people_of(application),
        )
    return application


def application_update(*, application: Application, actor: Any, **fields: Any) -> Application:
    """Edit terms; call it with the row locked. Unchanged values change nothing and tell nobody.

    Raises:
        InvalidInput: changed terms that are outside the product's limits.
        Conflict: it is approved, and would not have been like this.
    """
    changed = sorted(name for name, value in fields.items() if getattr(application, name) != value)
    terms = [name for name in changed if name not in RESPONSIBLE]
    with transaction.atomic():
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
        emit(
            ApplicationDeleted(reference=application.reference_number),
            actor=actor,
            subject=application,
            application_id=application.pk,
        )
        application.delete()


def _own_broker(actor: Any) -> Any:
    broker = Broker.objects.select_related("branch").filter(user=actor).first()
    if broker is None:
        raise InvalidInput.field("broker", "Your login has no broker profile yet. Ask the lender for one.")
    broker.user = actor
    return broker
