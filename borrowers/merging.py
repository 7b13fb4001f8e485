"""Making one borrower of two, and two again.

A merge moves every row that refers to the duplicate (`borrowers.links`), fills what the survivor lacks from
it, deletes it, and leaves a `BorrowerMerge` that knows enough to take all of it back. That nothing was
forgotten the database itself says: a row that still referred to the duplicate would not let it go.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from borrowers.events import BorrowerMerged, BorrowerMergeUndone
from borrowers.links import LINKS
from borrowers.models import Borrower, BorrowerMerge, PairingState
from crm_backend.common.encryption import Secret, Undecryptable, plain
from crm_backend.common.errors import Conflict, DomainError, InvalidInput, NotAllowed
from crm_backend.common.policy import ADMIN
from events.services import emit

SURVIVOR, DUPLICATE = "survivor", "duplicate"
SIDES = ((SURVIVOR, "The survivor's"), (DUPLICATE, "The duplicate's"))
# What is taken from one of the two as a whole, by the name that clients know it by.
TOGETHER: dict[str, tuple[str, ...]] = {
    "address": ("street", "city", "state", "postcode", "country"),
    "mailing_address": (
        "mailing_street", "mailing_city", "mailing_state", "mailing_postcode", "mailing_country",
    ),
    "bank_account": ("bank_account_name", "bank_bsb", "bank_account_number"),
    "user": ("user_id",),
}  # fmt: skip
ALONE = (
    "first_name", "last_name", "date_of_birth", "company_name", "abn", "acn", "email", "phone",
    "marital_status", "residency_status", "employment_type", "employer", "job_title", "months_employed",
    "tax_id", "identity_documents", "annual_income", "other_income", "monthly_expenses", "business_type",
    "industry", "years_in_business", "directors", "annual_revenue", "net_profit", "total_assets",
    "total_liabilities", "financials_as_at", "referral_source", "tags",
)  # fmt: skip
COLUMNS = TOGETHER | {name: (name,) for name in ALONE}
# Every address has one, so that it tells nothing.
ALWAYS_THERE = {"country", "mailing_country"}


class BorrowerMergedAway(DomainError):
    """The borrower was merged into another one; `merged_into` is its id, `merge` that of the merge."""

    status: ClassVar[int] = 410
    code = "merged"
    title = "Merged"
    default_detail = "This borrower was merged into another one."


def merged_away(pk: int, *, reader: Any) -> BorrowerMergedAway | None:
    """Where a borrower has gone that is not there any more, for readers who see the one that it became."""
    visible = Borrower.objects.visible_to(reader)
    merge = BorrowerMerge.objects.standing().filter(duplicate_id=pk, survivor__in=visible).first()
    if merge is None:
        return None
    return BorrowerMergedAway(extra={"merged_into": merge.survivor_id, "merge": merge.pk})


def borrower_merge(
    *, survivor: Borrower, duplicate: Borrower, actor: Any, keep: Mapping[str, str], reason: str = ""
) -> BorrowerMerge:
    """Merge the duplicate into the survivor.

    Of each field in `COLUMNS` the survivor's value is kept, or the duplicate's where `keep` says so, or where
    the survivor has none.

    Raises:
        InvalidInput: the two are one; or `keep` chooses what the duplicate does not have.
        NotAllowed: the actor does not see all of it; or it would give a login to a borrower.
        Conflict: one of them has just gone; a person and a company; two logins and no choice between them.
    """
    if survivor.pk == duplicate.pk:
        raise InvalidInput.field("duplicate", "A borrower is not merged with itself.")
    with transaction.atomic():
        list(PairingState.objects.lock())
        survivor, duplicate = _locked(survivor.pk, duplicate.pk)
        if survivor.borrower_type != duplicate.borrower_type:
            raise Conflict("A person and a company are not the same.")
        _check_sees_all(actor, survivor, duplicate)
        taken = _taken(survivor, duplicate, keep)
        if "user" in taken and actor.role != ADMIN:
            raise NotAllowed("The duplicate has a login, and only administrators link one.")
        before, gone = _columns_of(survivor), _columns_of(duplicate)
        moved = {name: link.move(duplicate.pk, survivor.pk) for name, link in sorted(LINKS.items())}
        after = {column: gone[column] for name in taken for column in COLUMNS[name]}
        _set(survivor, after)
        # Not `delete()`, which would take along what refers to it: the database is to refuse instead.
        rows: Any = Borrower.objects.filter(pk=duplicate.pk)
        rows._raw_delete(rows.db)
        merge = BorrowerMerge.objects.create(
            survivor=survivor,
            into_id=survivor.pk,
            duplicate_id=duplicate.pk,
            duplicate_name=str(duplicate),
            duplicate_created_by_id=duplicate.created_by_id,
            reason=reason,
            taken=taken,
            snapshot=json.dumps(
                {"duplicate": gone, "before": {name: before[name] for name in after}, "after": after}
            ),
            moved=moved,
            merged_by=actor,
            merged_at=timezone.now(),
        )
        payload = BorrowerMerged(
            merge=merge.pk,
            duplicate=duplicate.pk,
            duplicate_name=str(duplicate),
            survivor=survivor.pk,
            survivor_name=str(survivor),
            reason=reason,
            moved=counts(moved),
            fields_taken=taken,
        )
        emit(payload, actor=actor, subject=survivor)
        _tell_links(merge, actor)
    return merge


def borrower_merge_undo(*, merge: BorrowerMerge, actor: Any) -> BorrowerMerge:
    """Make two borrowers of one again, as they were.

    What was moved goes back, but for rows that somebody moved or removed since: `left` names those.

    Raises:
        NotAllowed: the actor does not see all of it; or it would take a login from a borrower.
        Conflict: it is undone already; the survivor was itself merged into another one; or a value that the
            merge set was edited since, and would be lost.
    """
    with transaction.atomic():
        list(PairingState.objects.lock())
        survivor = Borrower.objects.lock().filter(pk=merge.survivor_id).first()
        merge = BorrowerMerge.objects.select_for_update(of=("self",)).get(pk=merge.pk)
        if merge.undone_at is not None:
            raise Conflict("This merge was undone already.")
        if survivor is None or merge.survivor_id != survivor.pk or merge.into_id != survivor.pk:
            raise Conflict(
                f"Borrower {merge.into_id} was itself merged into another one. Undo that first.",
                extra={"merged_into": merge.survivor_id},
            )
        _check_sees_all(actor, survivor)
        if "user" in merge.taken and actor.role != ADMIN:
            raise NotAllowed("The merge moved a login, and only administrators link one.")
        kept = _opened(merge)
        _check_unedited(survivor, merge.taken, kept["after"])
        duplicate = _come_back(kept["duplicate"])
        left = {
            name: LINKS[name].restore(record, merge.duplicate_id, survivor.pk)
            for name, record in merge.moved.items()
        }
        _set(survivor, kept["before"])
        merge.left = {name: pks for name, pks in left.items() if pks}
        merge.undone_by, merge.undone_at = actor, timezone.now()
        merge.save(update_fields=["left", "undone_by", "undone_at"])
        payload = BorrowerMergeUndone(
            merge=merge.pk,
            duplicate=duplicate.pk,
            duplicate_name=str(duplicate),
            survivor=survivor.pk,
            survivor_name=str(survivor),
            left={name: len(pks) for name, pks in merge.left.items()},
        )
        for subject in (survivor, duplicate):
            emit(payload, actor=actor, subject=subject)
        _tell_links(merge, actor)
    return merge


def counts(moved: Mapping[str, Any]) -> dict[str, int]:
    """How many rows went over, or were the survivor's already, by model; nothing of what had none."""
    found = {
        name.rpartition(".")[0]: len(record["moved"]) + len(record.get("dropped", []))
        for name, record in moved.items()
    }
    return {model: count for model, count in found.items() if count}


def _locked(*pks: int) -> list[Borrower]:
    """The rows, in the order given, locked in that of their keys.

    In full: one goes, and whoever refers to it at this moment has to wait and see that.
    """
    rows = Borrower.objects.filter(pk__in=pks).order_by("pk").select_for_update(of=("self",))
    found = {row.pk: row for row in rows}
    if gone := [pk for pk in pks if pk not in found]:
        raise Conflict(f"Borrower {gone[0]} was merged into another one, or deleted, just now.")
    return [found[pk] for pk in pks]


def _check_sees_all(actor: Any, *borrowers: Any) -> None:
    """A merge moves applications of everybody: who sees some of them only leaves it to an administrator."""
    for borrower in borrowers:
        everything = borrower.applications
        hidden = everything.exclude(pk__in=everything.visible_to(actor).values("pk"))
        if actor.role != ADMIN and hidden.exists():
            raise NotAllowed("Others have applications of this borrower; an administrator can do this.")


def _taken(survivor: Borrower, duplicate: Borrower, keep: Mapping[str, str]) -> list[str]:
    """The fields whose value the duplicate gives."""
    if survivor.user_id and duplicate.user_id and survivor.user_id != duplicate.user_id:
        if "user" not in keep:
            raise Conflict("Both have a login. Say in keep.user which one stays.", extra={"choose": ["user"]})
    lacking = [name for name, whose in keep.items() if whose == DUPLICATE and not _has(duplicate, name)]
    if lacking:
        messages = {name: ["The duplicate has none to take."] for name in sorted(lacking)}
        raise InvalidInput(errors={"keep": messages})
    return sorted(
        name
        for name in COLUMNS
        if _has(duplicate, name)
        and (keep.get(name) == DUPLICATE or (name not in keep and not _has(survivor, name)))
        and any(getattr(survivor, column) != getattr(duplicate, column) for column in COLUMNS[name])
    )


def _has(borrower: Borrower, name: str) -> bool:
    columns = set(COLUMNS[name]) - ALWAYS_THERE
    return any(getattr(borrower, column) not in ("", None, []) for column in columns)


# --- columns as JSON ------------------------------------------------------------------------------


def _columns_of(borrower: Borrower) -> dict[str, Any]:
    """All columns, readable: they are encrypted as a whole, with a key that is renewed like any other."""
    names = [field.attname for field in Borrower._meta.concrete_fields]
    return {name: _as_json(getattr(borrower, name)) for name in names}


def _as_json(value: Any) -> Any:
    if isinstance(value, Secret):
        try:
            return value.reveal()
        except Undecryptable:
            raise Conflict("A secret of these borrowers cannot be read, and so not be kept.") from None
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.attname: field for field in Borrower._meta.concrete_fields}
    return {name: fields[name].to_python(value) for name, value in values.items()}


def _opened(merge: BorrowerMerge) -> dict[str, Any]:
    kept = plain(merge.snapshot)
    if kept is None:
        raise Conflict("What was kept of this merge cannot be read with the present keys.")
    opened: dict[str, Any] = json.loads(kept)
    return opened


def _set(borrower: Borrower, values: Mapping[str, Any]) -> None:
    if not values:
        return
    for name, value in _from_json(values).items():
        setattr(borrower, name, value)
    borrower.save(update_fields=[*_names(values), "tax_id_index", "updated_at"])


def _names(attnames: Iterable[str]) -> list[str]:
    return ["user" if name == "user_id" else name for name in attnames]


def _check_unedited(survivor: Borrower, taken: Iterable[str], after: Mapping[str, Any]) -> None:
    """What the merge set has to be there still: whoever edited it since would lose that."""
    there = _from_json(after)
    edited = [
        name for name in taken if any(getattr(survivor, column) != there[column] for column in COLUMNS[name])
    ]
    if edited:
        raise Conflict(
            f"Edited since the merge, and would be lost: {', '.join(edited)}.", extra={"fields": edited}
        )


def _come_back(columns: Mapping[str, Any]) -> Borrower:
    """The duplicate as it was, under its own key."""
    values = _from_json(columns)
    users = {values[name] for name in ("user_id", "created_by_id")} - {None}
    if get_user_model().objects.filter(pk__in=users).count() < len(users):
        raise Conflict("A user that the duplicate referred to has been deleted.")
    borrower = Borrower(**values)
    borrower.save(force_insert=True)
    times = {name: values[name] for name in ("created_at", "updated_at")}
    Borrower.objects.filter(pk=borrower.pk).update(**times)
    return borrower


def _tell_links(merge: BorrowerMerge, actor: Any) -> None:
    for name, record in sorted(merge.moved.items()):
        LINKS[name].tell(record, merge=merge, actor=actor)
