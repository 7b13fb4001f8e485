"""Who may do what with applications and securities."""

from typing import Any

from applications.models import Application, Product, Security, Signature
from crm_backend.common.policy import ADMIN, Policy, only
from users.choices import Role
from users.permissions import EVERYONE


def before_settlement(user: Any, application: Application) -> str:
    """Until it is settled."""
    return "The terms of a settled loan are not edited." if application.is_settled else ""


def before_submission(user: Any, application: Application) -> str:
    """Until it is submitted or ended."""
    if application.is_ended:
        return "An application that was declined or withdrawn is not edited."
    return "A submitted application is the lender's to change." if application.is_submitted else ""


def security_before_settlement(user: Any, security: Security) -> str:
    """Until the loan is settled."""
    return before_settlement(user, security.application)


def security_before_submission(user: Any, security: Security) -> str:
    """Until the application is submitted or ended."""
    return before_submission(user, security.application)


EDITORS = (
    only(ADMIN, before_settlement),
    only(Role.BD, before_settlement),
    only(Role.BROKER, before_submission),
)

APPLICATIONS = Policy(
    "applications",
    Application,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": (ADMIN, Role.BROKER, Role.CLIENT),
        "create_with_cascade": (ADMIN, Role.BROKER, Role.CLIENT),
        "validate_schema": (ADMIN, Role.BROKER, Role.CLIENT),
        "new": (ADMIN, Role.BROKER, Role.CLIENT),
        "pipeline": EVERYONE,
        "bulk_import": (ADMIN, Role.BROKER),
        "bulk_import_template": (ADMIN, Role.BROKER),
        "export": EVERYONE,
        "update": EDITORS,
        "destroy": (ADMIN,),
        "assign": (ADMIN,),
        # Which moves a role may make is in the stage table; brokers and clients may withdraw.
        "stage": EVERYONE,
        "stage_history": EVERYONE,
        "timeline": EVERYONE,
        "funding_calculation": EDITORS,
        "funding_calculation_history": (ADMIN, Role.BD, Role.BROKER),
        "borrowers": EVERYONE,
        "set_borrowers": EDITORS,
        "guarantors": EVERYONE,
        "set_guarantors": EDITORS,
    },
)

SECURITY_EDITORS = (
    only(ADMIN, security_before_settlement),
    only(Role.BD, security_before_settlement),
    only(Role.BROKER, security_before_submission),
)

SECURITIES = Policy(
    "securities",
    Security,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        # The parent application's own rule for editing decides as well.
        "create": (ADMIN, Role.BD, Role.BROKER),
        "update": SECURITY_EDITORS,
        "destroy": SECURITY_EDITORS,
    },
)


def own_signature(user: Any, signature: Signature) -> str:
    """One's own."""
    return "" if signature.signed_by_id == user.pk else "The image of a signature is for its signer."


SIGNATURES = Policy(
    "signatures",
    Signature,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": (ADMIN, Role.CLIENT),
        "image": (ADMIN, Role.BD, only(Role.CLIENT, own_signature)),
    },
)

PRODUCTS = Policy(
    "products",
    Product,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
    },
)
