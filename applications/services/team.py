"""Leaving the team."""

from django.db import transaction

from applications.models import Application
from applications.selectors.portfolios import STILL_OPEN
from brokers.events import BDM
from brokers.models import Bdm
from crm_backend.common.errors import Conflict
from crm_backend.common.models import save_changes
from events.services import emit
from users.models import User
from users.services.accounts import user_suspend


def team_member_deactivate(*, user: User, actor: User) -> None:
    """Suspend an account of staff and retire its BDM profile; what they did stays theirs.

    Repeating it changes nothing.

    Raises:
        Conflict: one's own account, or that of the last administrator; or open applications are still
            theirs: they need another BDM first.
    """
    with transaction.atomic():
        # FOR UPDATE in full: an application that is being given to them holds the key of this row.
        bdm = Bdm.objects.select_for_update(of=("self",)).select_related("user").filter(user=user).first()
        count = Application.objects.filter(bd=bdm, stage__in=STILL_OPEN).count() if bdm else 0
        if count:
            raise Conflict(
                f"They have {count} open application{'s' if count > 1 else ''}. Assign them to others first.",
                extra={"open_applications": count},
            )
        user_suspend(user=user, actor=actor)
        if bdm is not None and (changed := save_changes(bdm, {"is_active": False})):
            emit(BDM.updated(label=str(bdm), field_names=", ".join(changed)), actor=actor, subject=bdm)
