"""Names for ids, found after the sums: as `full_name` has them, without an object for each of thousands."""

from collections.abc import Iterable

from django.db import connection

from brokers.models import Broker, Partnership

NOBODY = "Nobody"
# Whose profile was deleted, until the rollups know whose their applications are now.
GONE = ""

_BDMS = """SELECT b.id, u.first_name, u.last_name FROM brokers_bdm b JOIN users_user u ON u.id = b.user_id
    WHERE b.id = ANY(%s::bigint[])"""


def broker_names(ids: Iterable[int | None]) -> dict[int | None, str]:
    """Names of brokers by id."""
    wanted = [pk for pk in ids if pk]
    rows = Broker.objects.filter(pk__in=wanted).order_by().values_list("pk", "first_name", "last_name")
    names = {pk: f"{first} {last}" for pk, first, last in rows}
    return {**dict.fromkeys(wanted, GONE), **names, 0: NOBODY}


def bdm_names(ids: Iterable[int | None]) -> dict[int | None, str]:
    """Names of BDMs by id."""
    wanted = [pk for pk in ids if pk]
    names = {}
    if wanted:
        with connection.cursor() as cursor:
            # An array: thousands of parameters take longer to write down than to look up.
            cursor.execute(_BDMS, [wanted])
            names = {pk: f"{first} {last}".strip() for pk, first, last in cursor.fetchall()}
    return {**dict.fromkeys(wanted, GONE), **names, 0: NOBODY}


def partner_names(ids: Iterable[int]) -> dict[int, str]:
    """Names of referral partners by the id of their partnership."""
    wanted = list(ids)
    rows = Partnership.objects.filter(pk__in=wanted).order_by().values_list("pk", "organisation")
    return {**dict.fromkeys(wanted, GONE), **dict(rows)}
