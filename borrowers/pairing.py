"""Finding pairs of borrowers who may be one, in the background, as borrowers change.

The list of all pairs cannot be made when it is asked for: names alone would be twenty million comparisons
in a book of a million. So each borrower that changed is compared with those who have a key in common, each
key by its index, and names only with those born on the same day. A key that more than `CROWD` others have,
such as a broker's own telephone, tells nothing and makes no pairs.

One process at a time, by the lock of `PairingState`, which merges wait for. Looking again is idempotent: a
borrower's pairs become what they are by the rows as they are; what somebody dismissed stays.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from borrowers.choices import PartyType
from borrowers.events import DuplicatePairDismissed, DuplicatePairReopened
from borrowers.models import Borrower, DuplicatePair, PairingState
from borrowers.selectors import SIMILAR_PERSON
from crm_backend.common.errors import Conflict
from events.services import emit

BATCH = 500
CROWD = 20
# What commits later than others that changed after it, is looked at again.
OVERLAP = timedelta(minutes=2)
# By reason, the expression that is equal; a partial index serves each.
_KEYS = {
    "abn": "abn",
    "acn": "acn",
    "tax_id": "tax_id_index",
    "email": "lower({}.email)",
    "phone": "phone",
}
_NAME = "upper({0}.first_name || ' ' || {0}.last_name)"


def _of(key: str, row: str) -> str:
    return key.format(row) if "{}" in key else f"{row}.{key}"


def _by_key(reason: str, key: str) -> str:
    theirs, own = _of(key, "o"), _of(key, "c")
    present = f"o.{key} <> ''" if "{}" not in key else "true"
    return f"""SELECT c.id AS one, o.id AS other, '{reason}' AS reason, NULL::numeric AS similarity
    FROM changed c CROSS JOIN LATERAL (
        SELECT o.id, count(*) OVER () AS crowd FROM (
            SELECT o.id FROM borrowers_borrower o
            WHERE {theirs} = {own} AND {present} AND o.id <> c.id LIMIT {CROWD + 1}
        ) o
    ) o WHERE {own} <> '' AND o.crowd <= {CROWD}"""  # noqa: S608 - our own names


_BY_NAME = f"""SELECT c.id, o.id, 'person', round(o.similarity::numeric, 2)
    FROM changed c CROSS JOIN LATERAL (
        SELECT o.id, similarity({_NAME.format("o")}, {_NAME.format("c")}) AS similarity
        FROM borrowers_borrower o
        WHERE o.date_of_birth = c.date_of_birth AND o.borrower_type = '{PartyType.INDIVIDUAL}'
            AND o.id <> c.id
    ) o WHERE c.borrower_type = '{PartyType.INDIVIDUAL}' AND o.similarity >= {SIMILAR_PERSON}"""  # noqa: S608

_FOUND = f"""changed AS MATERIALIZED (
    SELECT id, borrower_type, abn, acn, tax_id_index, email, phone, date_of_birth, first_name, last_name
    FROM borrowers_borrower WHERE id = ANY(%s)
), reasons (one, other, reason, similarity) AS (
    {" UNION ALL ".join(_by_key(reason, key) for reason, key in _KEYS.items())}
    UNION ALL {_BY_NAME}
), found AS (
    SELECT least(one, other) AS first_id, greatest(one, other) AS second_id,
        array_agg(DISTINCT reason) AS reasons, count(DISTINCT reason) AS strength,
        max(similarity) AS similarity
    FROM reasons GROUP BY 1, 2
)"""  # noqa: S608

_REPLACE = f"""WITH {_FOUND}, gone AS (
    DELETE FROM borrowers_duplicatepair p WHERE (p.first_id = ANY(%s) OR p.second_id = ANY(%s))
        AND p.dismissed_at IS NULL AND NOT EXISTS (
            SELECT FROM found f WHERE f.first_id = p.first_id AND f.second_id = p.second_id
        )
)
INSERT INTO borrowers_duplicatepair
    (first_id, second_id, reasons, strength, similarity, found_at, dismissed_because)
SELECT first_id, second_id, reasons, strength, similarity, %s, '' FROM found
ON CONFLICT (first_id, second_id) DO UPDATE
    SET reasons = excluded.reasons, strength = excluded.strength, similarity = excluded.similarity
    WHERE borrowers_duplicatepair.reasons <> excluded.reasons
        OR borrowers_duplicatepair.similarity IS DISTINCT FROM excluded.similarity"""  # noqa: S608


# What a batch is found by, alone.
FIND = f"WITH {_FOUND} SELECT * FROM found"  # noqa: S608


def pairs_find(*, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Look for pairs of the borrowers that changed since the last time; return how many were looked at."""
    state, _ = PairingState.objects.get_or_create(pk=1)
    began, place, looked_at = timezone.now(), (state.reached, 0), 0
    while may_go_on():
        found = _find_next(place, began)
        if not found:
            break
        looked_at += len(found)
        place = found[-1]
    return looked_at


def _find_next(place: tuple[datetime | None, int], began: datetime) -> list[tuple[datetime, int]]:
    """Look at the next borrowers in the order of their changes, and note how far that is."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not PairingState.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=1):
            return []
        rows, (moment, pk) = Borrower.objects.order_by("updated_at", "pk"), place
        if moment is not None:
            rows = rows.filter(updated_at__gte=moment).exclude(updated_at=moment, pk__lte=pk)
        found = list(rows.values_list("updated_at", "pk")[:BATCH])
        if found:
            pks = [pk for _, pk in found]
            cursor.execute(_REPLACE, [pks, pks, pks, began])
            PairingState.objects.filter(pk=1).update(reached=min(found[-1][0], began - OVERLAP))
        return found


def pair_dismiss(*, pair: DuplicatePair, actor: Any, reason: str = "") -> DuplicatePair:
    """Say that the two are not the same person, so that the pair is not shown among the open ones again.

    Raises:
        Conflict: somebody has said so before; or the two were merged, or changed, just now.
    """
    with transaction.atomic():
        pair = _locked(pair)
        if pair.dismissed_at is not None:
            raise Conflict("This pair was dismissed before.")
        pair.dismissed_by, pair.dismissed_at, pair.dismissed_because = actor, timezone.now(), reason
        pair.save(update_fields=["dismissed_by", "dismissed_at", "dismissed_because"])
        _tell(DuplicatePairDismissed(first=pair.first_id, second=pair.second_id, reason=reason), pair, actor)
    return pair


def pair_reopen(*, pair: DuplicatePair, actor: Any) -> DuplicatePair:
    """Take a dismissal back.

    Raises:
        Conflict: it is not dismissed; or the two were merged just now.
    """
    with transaction.atomic():
        pair = _locked(pair)
        if pair.dismissed_at is None:
            raise Conflict("This pair is not dismissed.")
        pair.dismissed_by, pair.dismissed_at, pair.dismissed_because = None, None, ""
        pair.save(update_fields=["dismissed_by", "dismissed_at", "dismissed_because"])
        _tell(DuplicatePairReopened(first=pair.first_id, second=pair.second_id), pair, actor)
    return pair


def _locked(pair: DuplicatePair) -> DuplicatePair:
    """The row as it is, which goes when one of the two is merged away, or they are not alike any more."""
    there: DuplicatePair | None = DuplicatePair.objects.lock().filter(pk=pair.pk).first()
    if there is None:
        raise Conflict("This pair is gone: one of the two was merged, deleted or changed just now.")
    return there


def _tell(payload: Any, pair: DuplicatePair, actor: Any) -> None:
    for borrower in (pair.first, pair.second):
        emit(payload, actor=actor, subject=borrower)
