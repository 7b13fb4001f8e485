"""Names for ids, found after the sums: as `full_name` has them, without an object for each of thousands."""

from collections.abc import Iterable

from crm_backend.common.read_engine.statements import Statement

NOBODY = "Nobody"
# Whose profile was deleted, until the rollups know whose their applications are now.
GONE = ""

# The text of an array: thousands of parameters take longer to write down than to look up.
_WANTED = "FROM unnest(%s::text::bigint[]) AS wanted (id) JOIN"
_BROKERS = Statement(f"SELECT id, first_name, last_name {_WANTED} brokers_broker USING (id)")
_BDMS = Statement(
    f"SELECT b.id, u.first_name, u.last_name {_WANTED} brokers_bdm b USING (id) "
    "JOIN users_user u ON u.id = b.user_id"
)
_PARTNERS = Statement(f"SELECT id, organisation, '' {_WANTED} brokers_partnership USING (id)")


def _names(statement: Statement, ids: Iterable[int | None]) -> dict[int | None, str]:
    wanted = [pk for pk in ids if pk]
    rows = statement.ask(str(statement.sql), [f"{{{','.join(map(str, wanted))}}}"]) if wanted else []
    names: dict[int | None, str] = dict.fromkeys(wanted, GONE)
    names |= {pk: f"{first} {last}".strip() for pk, first, last in rows}
    return names | {0: NOBODY}


def broker_names(ids: Iterable[int | None]) -> dict[int | None, str]:
    """Names of brokers by id."""
    return _names(_BROKERS, ids)


def bdm_names(ids: Iterable[int | None]) -> dict[int | None, str]:
    """Names of BDMs by id."""
    return _names(_BDMS, ids)


def partner_names(ids: Iterable[int]) -> dict[int | None, str]:
    """Names of referral partners by the id of their partnership."""
    return _names(_PARTNERS, ids)
