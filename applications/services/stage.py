"""Moving an application from stage to stage."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.choices import Stage
from applications.events import StageChanged
from applications.models import Application, StageChange
from applications.selectors.applications import people_query
from applications.services.approval import security_faults
from applications.services.guards import lacks
from applications.stages import ASIDE, is_approved, legal_moves
from crm_backend.common.batches import Batch
from crm_backend.common.errors import Conflict, InvalidInput, NotAllowed
from events.services import emit, together


class IllegalMove(Conflict):
    """The stage machine has no such move; `allowed_stages` names the moves that there are."""

    code = "illegal_stage_move"
    title = "Illegal stage move"


class GuardNotMet(Conflict):
    """The move exists, but the application lacks something that it needs; `missing` names it."""

    code = "stage_guard_not_met"
    title = "The application is not ready for this stage"


def application_change_stage(
    *, application: Application, to: Stage, actor: Any, reason: str = "", notes: str = ""
) -> StageChange:
    """Move an application, record the move, and tell the people concerned.

    The row is locked first, so of two moves at once the second is judged by where the first led.

    Raises:
        IllegalMove: there is no such move from the present stage.
        NotAllowed: the move is for other roles.
        InvalidInput: the move needs a `reason`.
        GuardNotMet: the application lacks something.
    """
    with transaction.atomic():
        locked = Application.objects.lock().get(pk=application.pk)
        return application_move(application=locked, to=to, actor=actor, reason=reason, notes=notes)


def application_move(
    *, application: Application, to: Stage, actor: Any, reason: str = "", notes: str = ""
) -> StageChange:
    """The same for an application whose row is locked already.

    Raises:
        IllegalMove, NotAllowed, InvalidInput, GuardNotMet: as `application_change_stage`.
    """
    _check_move(application, to, actor, reason)
    _refuse([*_missing(application, to), *lacks(application, to)], to)
    with together() as batch:
        return _apply(batch, application, to, actor, reason, notes)


def check_settlement(*, application: Application, actor: Any, reason: str = "") -> None:
    """Refuse what a move to settled would refuse before the money is lent; call it with the row locked.

    Raises:
        IllegalMove, NotAllowed, InvalidInput, GuardNotMet: as that does.
    """
    _check_move(application, Stage.SETTLED, actor, reason)
    _refuse(_missing(application, Stage.SETTLED), Stage.SETTLED)


def allowed_stages(application: Application, role: str) -> list[str]:
    """The stages that a role may move the application to now, guards aside."""
    moves = legal_moves(application.stage, application.came_from)
    return [stage.value for stage, move in moves.items() if role in move.roles]


def _check_move(application: Application, to: Stage, actor: Any, reason: str) -> None:
    moves = legal_moves(application.stage, application.came_from)
    move = moves.get(to)
    if move is None:
        allowed = [stage.value for stage in moves]
        raise IllegalMove(
            f"An application cannot move from {application.stage} to {to.value}. "
            f"From here it can move to: {', '.join(allowed) or 'nowhere'}.",
            extra={"allowed_stages": allowed},
        )
    if actor.role not in move.roles:
        raise NotAllowed(f"Only {', '.join(sorted(move.roles))} may {move.name} an application.")
    if move.needs_reason and not reason.strip():
        raise InvalidInput.field("reason", f"To {move.name} an application needs a reason.")


def _refuse(missing: list[str], to: Stage) -> None:
    if missing:
        raise GuardNotMet(
            f"Before {Stage(to).label.lower()}: {'; '.join(missing)}.", extra={"missing": missing}
        )


def _missing(application: Application, to: Stage) -> list[str]:
    """What the application lacks for a stage, in words."""
    missing: list[str] = []
    if to not in ASIDE and is_approved(to):
        missing.extend(security_faults(application))
    if to == Stage.SETTLED:
        if application.approved_amount is None:
            missing.append("it needs an approved amount")
        if not application.borrower_links.exists():
            missing.append("it needs a borrower")
        if not application.stage_changes.filter(to_stage=Stage.LOAN_DOCS_SIGNED).exists():
            missing.append("its loan documents have not been signed")
    return missing


def _apply(
    batch: Batch, application: Application, to: Stage, actor: Any, reason: str, notes: str
) -> StageChange:
    now = timezone.now()
    origin = Stage(application.stage)
    change = StageChange(
        application=application,
        from_stage=origin,
        to_stage=to,
        actor=actor,
        reason=reason,
        notes=notes,
        changed_at=now,
        seconds_in_stage=max(0, int((now - application.stage_entered_at).total_seconds())),
    )
    # Declining while information is missing still remembers the stage before that.
    came_from = (application.came_from or origin.value) if to in ASIDE else ""
    application.stage, application.came_from, application.stage_entered_at = to, came_from, now
    batch.insert(change)
    batch.update(application, "stage", "came_from", "stage_entered_at", "updated_at")
    emit(
        StageChanged(
            reference=application.reference_number,
            from_stage=origin,
            from_stage_display=origin.label,
            to_stage=to,
            to_stage_display=to.label,
            reason=reason,
        ),
        actor=actor,
        subject=application,
        application_id=application.pk,
        recipients=people_query(application),
    )
    return change
