"""Who the lender is, and who is on an application."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from applications.models import Application, Security
from applications.selectors.applications import in_order
from borrowers.models import Guarantor, Party
from documents.letters.australian import listed, money, spaced

ABN_GROUPS = (2, 3, 3, 3)


def lender() -> dict[str, Any]:
    """The lender, as the settings say."""
    return {
        "name": settings.LENDER_NAME,
        "abn": spaced(settings.LENDER_ABN, *ABN_GROUPS),
        "licence": settings.LENDER_LICENCE,
        "address": list(settings.LENDER_ADDRESS),
        "state": settings.LENDER_STATE,
        "phone": settings.LENDER_PHONE,
        "email": settings.LENDER_EMAIL,
        "website": settings.LENDER_WEBSITE,
    }


def parties(application: Application, guarantor: Guarantor | None) -> dict[str, Any]:
    """Borrowers, guarantors, and to whom the letter goes: the guarantor if one is given."""
    borrowers = list(in_order(application.borrowers))
    guarantors = list(in_order(application.guarantors))
    names = [one.display_name for one in borrowers]
    return {
        "addressee": addressee([guarantor] if guarantor else borrowers),
        "borrowers": [
            {
                "name": one.display_name,
                "abn": spaced(one.abn, *ABN_GROUPS),
                "email": one.email,
                "address": ", ".join(address_lines(one)),
            }
            for one in borrowers
        ],
        "borrower_names": names,
        "borrowers_listed": listed(names),
        "guarantors": [
            {
                "name": one.display_name,
                "relationship": one.get_relationship_display(),
                "address": ", ".join(address_lines(one)),
            }
            for one in guarantors
        ],
        "guarantors_listed": listed([one.display_name for one in guarantors]),
        "has_guarantors": bool(guarantors),
    }


def addressee(people: Iterable[Party]) -> dict[str, Any]:
    """Names, the first one's postal address, and how to greet them."""
    found = list(people)
    names = [one.display_name for one in found]
    lines = address_lines(found[0], postal=True) if found else []
    return {"names": names, "lines": lines, "greeting": f"Dear {listed(names)}"}


def address_lines(party: Party, *, postal: bool = False) -> list[str]:
    """The lines of an address, as Australia Post has them; the mailing address where that is asked for."""
    prefix = "mailing_" if postal and party.mailing_street else ""
    street, city, state, postcode, country = (
        getattr(party, f"{prefix}{name}") for name in ("street", "city", "state", "postcode", "country")
    )
    place = " ".join(part for part in (city, state, postcode) if part)
    return [line for line in (street, place, country if country not in ("", "AU") else "") if line]


def contact(application: Application) -> dict[str, Any]:
    """The BDM to ask, or the lender itself."""
    bd = application.bd
    if bd is None:
        found = {"name": "", "phone": settings.LENDER_PHONE, "email": settings.LENDER_EMAIL}
    else:
        phone = bd.user.phone or settings.LENDER_PHONE
        found = {"name": bd.user.full_name, "phone": phone, "email": bd.user.email}
    return {"is_known": all(found.values()), **found}


def securities(application: Application) -> dict[str, Any]:
    """What secures it."""
    rows = [_security(one) for one in application.securities.order_by("id")]
    return {"securities": rows, "has_securities": bool(rows), "is_unsecured": not rows}


def _security(security: Security) -> dict[str, str]:
    place = " ".join(part for part in (security.city, security.state, security.postcode) if part)
    where = ", ".join(part for part in (security.street, place) if part)
    return {
        "type": security.get_security_type_display(),
        "address": where or security.description or "as described in the application",
        "value": money(security.lending_value),
    }
