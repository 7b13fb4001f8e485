"""Who may see which rows, worked out in plain Python from the rows and from the words of the roles table.

The product's `visible_to` is not used: each phrase that the table has for people to read is given its meaning
here once more. A phrase without a meaning fails the proof, and so does a condition that does other than its
words say. Phrases about a relation ("those on visible applications") are read generally.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField, ManyToManyRel, ManyToOneRel

from applications.models import Application, ApplicationBorrower
from borrowers.models import Borrower, BorrowerMerge
from brokers.models import Bdm, Broker
from documents.models import Signer
from messaging.models import Member
from users.models import User

Rows = dict[int, dict[str, Any]]
ON = "those on visible "


def scoped_models() -> list[type[Any]]:
    """Every model of which not everybody sees every row."""
    return [model for model in apps.get_models() if getattr(model._default_manager.all(), "scopes", None)]


class Oracle:
    """The rows of the database, as they are when it is made."""

    def __init__(self) -> None:
        self._rows: dict[type[Any], Rows] = {}
        self._seen: dict[tuple[type[Any], Any], set[Any]] = {}

    def rows(self, model: type[Any]) -> Rows:
        """All of a model, by key."""
        if model not in self._rows:
            key = model._meta.pk.attname
            self._rows[model] = {row[key]: row for row in model._base_manager.values()}
        return self._rows[model]

    def visible(self, model: type[Any], user: Any) -> set[Any]:
        """Keys of the rows that a user may see."""
        if (model, user.pk) not in self._seen:
            self._seen[model, user.pk] = self._visible(model, user)
        return self._seen[model, user.pk]

    def _visible(self, model: type[Any], user: Any) -> set[Any]:
        account = self.rows(User)[user.pk]
        scopes = model._default_manager.all().scopes
        if account["status"] != "active" or account["role"] not in scopes:
            return set()
        found: set[Any] = set()
        for phrase in scopes[account["role"]].label.split(", or "):
            found |= self.meaning(phrase, model, user)
        return found & set(self.rows(model))  # a row may have no such relation

    def meaning(self, phrase: str, model: type[Any], user: Any) -> set[Any]:
        """Keys of the rows that a phrase means."""
        if phrase.startswith(ON) and phrase not in PHRASES:
            return self.linked(model, phrase.removeprefix(ON).replace(" ", "_"), user)
        assert phrase in PHRASES, f"what does {phrase!r} mean? Say it in tests/proof/oracle.py"
        test = PHRASES[phrase]
        return {pk for pk, row in self.rows(model).items() if test(Reader(self, model, user), row)}

    def linked(self, model: type[Any], relation: str, user: Any) -> set[Any]:
        """Keys of the rows that a relation links to rows which the user sees."""
        field: Any = model._meta.get_field(relation)
        seen = self.visible(field.related_model, user)
        match field:
            case ForeignKey():
                return {pk for pk, row in self.rows(model).items() if row[field.attname] in seen}
            case ManyToOneRel():
                column = field.field.attname
                return {row[column] for pk, row in self.rows(field.related_model).items() if pk in seen}
            case ManyToManyRel():
                return self._through(field.field, field.field.m2m_field_name, seen)
            case ManyToManyField():
                return self._through(field, field.m2m_reverse_field_name, seen)
        raise AssertionError(f"{model.__name__}.{relation}")

    def _through(self, field: Any, near: Callable[[], str], seen: set[Any]) -> set[Any]:
        ends = {field.m2m_field_name(), field.m2m_reverse_field_name()}
        (far,) = ends - {near()}
        links = self.rows(field.remote_field.through).values()
        return {row[f"{far}_id"] for row in links if row[f"{near()}_id"] in seen}


class Reader:
    """Somebody who looks at rows of a model, and what is theirs."""

    def __init__(self, oracle: Oracle, model: type[Any], user: Any) -> None:
        self.oracle, self.model, self.id = oracle, model, user.pk

    def sees(self, model: type[Any], pk: Any) -> bool:
        """Whether they see another row."""
        return pk in self.oracle.visible(model, User(pk=self.id))

    def _own(self, model: type[Any], column: str = "id") -> set[Any]:
        rows = self.oracle.rows(model).values()
        return {row[column] for row in rows if row["user_id"] == self.id}

    @cached_property
    def branches(self) -> set[int]:
        """Where they are the BDM."""
        return self._own(Bdm, "branch_id")

    @cached_property
    def own_branches(self) -> set[int]:
        """Where they are the BDM or a broker."""
        return self.branches | self._own(Broker, "branch_id")

    @cached_property
    def brought(self) -> set[int]:
        """Borrowers that were made one with a borrower that they created."""
        merges = self.oracle.rows(BorrowerMerge).values()
        return {
            row["survivor_id"]
            for row in merges
            if row["duplicate_created_by_id"] == self.id and row["undone_at"] is None
        }

    @cached_property
    def team(self) -> set[int]:
        """Logins of the brokers and BDMs of their branches, and their own."""
        members = [*self.oracle.rows(Bdm).values(), *self.oracle.rows(Broker).values()]
        return {self.id} | {row["user_id"] for row in members if row["branch_id"] in self.branches}

    @cached_property
    def bdms(self) -> set[int]:
        """Their BDM profile."""
        return self._own(Bdm)

    @cached_property
    def brokers(self) -> set[int]:
        """Their broker profile."""
        return self._own(Broker)

    @cached_property
    def profiles(self) -> set[int]:
        """Their profiles as a borrower."""
        return self._own(Borrower)

    @cached_property
    def to_sign(self) -> set[int]:
        """Requests for signatures where they are a signer."""
        return self._own(Signer, "request_id")

    @cached_property
    def conversations(self) -> set[int]:
        """Conversations that they are in."""
        return self._own(Member, "conversation_id")

    def is_in(self, row: dict[str, Any]) -> bool:
        """Whether they are in a conversation, and see what it is about."""
        about = row["application_id"]
        return row["id"] in self.conversations and (about is None or self.sees(Application, about))

    def may_reach(self, row: dict[str, Any]) -> bool:
        """Whether a user is somebody else, and active."""
        return row["id"] != self.id and row["status"] == "active"

    def logins(self, model: type[Any], keys: set[Any]) -> set[int]:
        """The logins of some rows with one."""
        return {row["user_id"] for pk, row in self.oracle.rows(model).items() if pk in keys}

    @cached_property
    def brokers_met(self) -> set[int]:
        """Logins of the brokers of visible applications."""
        return self.logins(Broker, self._of_applications("broker_id"))

    @cached_property
    def bdms_met(self) -> set[int]:
        """Logins of the BDMs of visible applications."""
        return self.logins(Bdm, self._of_applications("bd_id"))

    @cached_property
    def bdms_at_work(self) -> set[int]:
        """Logins of visible BDMs."""
        return self.logins(Bdm, self.oracle.visible(Bdm, User(pk=self.id)))

    @cached_property
    def borrowers_met(self) -> set[int]:
        """Logins of visible borrowers."""
        return self.logins(Borrower, self.oracle.visible(Borrower, User(pk=self.id)))

    def _of_applications(self, column: str) -> set[Any]:
        rows = self.oracle.rows(Application).items()
        return {row[column] for pk, row in rows if self.sees(Application, pk)}

    @cached_property
    def applications(self) -> set[int]:
        """Applications that one of their profiles is on."""
        links = self.oracle.rows(ApplicationBorrower).values()
        return {row["application_id"] for row in links if row["borrower_id"] in self.profiles}


PHRASES: dict[str, Callable[[Reader, dict[str, Any]], bool]] = {
    "all": lambda me, row: True,
    "those on own applications that are marked for the client or that they uploaded": lambda me, row: (
        row["application_id"] in me.applications
        and (row["visible_to_client"] or row["created_by_id"] == me.id)
    ),
    "where I am a signer": lambda me, row: row["id"] in me.to_sign,
    "those I am a member of (about an application while I see it)": lambda me, row: me.is_in(row),
    "groups I am a member of": lambda me, row: row["kind"] == "group" and me.is_in(row),
    "open groups": lambda me, row: row["kind"] == "group" and row["is_open"],
    "everybody who is active": lambda me, row: me.may_reach(row),
    "the lender's staff": lambda me, row: me.may_reach(row) and row["role"] in ("admin", "bd"),
    "own branch's team": lambda me, row: me.may_reach(row) and row["id"] in me.team,
    "the brokers of visible applications": lambda me, row: me.may_reach(row) and row["id"] in me.brokers_met,
    "the BDMs of visible applications": lambda me, row: me.may_reach(row) and row["id"] in me.bdms_met,
    "the BDMs at work": lambda me, row: me.may_reach(row) and row["id"] in me.bdms_at_work,
    "the logins of visible borrowers": lambda me, row: me.may_reach(row) and row["id"] in me.borrowers_met,
    "self": lambda me, row: row["id"] == me.id,
    "self and own branch's team": lambda me, row: row["id"] in me.team,
    "own": lambda me, row: row.get("user_id", row.get("created_by_id")) == me.id,
    "own profile": lambda me, row: row["user_id"] == me.id,
    "own branch": lambda me, row: row["id"] in me.branches,
    "own branch's": lambda me, row: row["branch_id"] in me.branches,
    "where I am the host": lambda me, row: row["host_id"] == me.id,
    "hosted by own branch's team": lambda me, row: row["host_id"] in me.team,
    "those with own profile": lambda me, row: row["borrower_id"] in me.profiles,
    "written by me": lambda me, row: row["author_id"] == me.id,
    "those on visible applications that are not hidden": lambda me, row: (
        me.sees(Application, row["application_id"]) and row["hidden_at"] is None
    ),
    "assigned to me": lambda me, row: row["assigned_to_id"] == me.id,
    "where I am the assignee": lambda me, row: row["assignee_id"] == me.id,
    "created by me": lambda me, row: row["created_by_id"] == me.id,
    "made one with a borrower that I created": lambda me, row: row["id"] in me.brought,
    "where I am the owner": lambda me, row: row["owner_id"] == me.id,
    "those shared with my branch": lambda me, row: row["branch_id"] in me.own_branches,
    "those shared with all BDMs": lambda me, row: row["shared_with"] == "bdms",
    "those shared with all brokers": lambda me, row: row["shared_with"] == "brokers",
    "those on offer": lambda me, row: row["is_active"],
    "all that are open": lambda me, row: row["is_active"],
    "all at work (to choose one)": lambda me, row: row["is_active"],
    "where I am the BDM": lambda me, row: row["bd_id"] in me.bdms,
    "in my branch": lambda me, row: row["branch_id"] in me.branches,
    "where I am the broker": lambda me, row: row["broker_id"] in me.brokers,
    "where one of my borrower profiles is on it": lambda me, row: row["id"] in me.applications,
    "those into visible borrowers": lambda me, row: me.sees(Borrower, row["survivor_id"]),
    "those of two visible borrowers, but for an equal tax file number alone": lambda me, row: (
        me.sees(Borrower, row["first_id"])
        and me.sees(Borrower, row["second_id"])
        and row["reasons"] != ["tax_id"]
    ),
    "those of own profile": lambda me, row: row["borrower_id"] in me.profiles,
    "those on visible applications, but not the staff's internal ones": lambda me, row: (
        me.sees(Application, row["application_id"]) and row["visibility"] != "internal"
    ),
    "those on visible applications, but commissions": lambda me, row: (
        me.sees(Application, row["application_id"]) and not row["entry_type"].startswith("commission_")
    ),
    "those on own applications marked for the client": lambda me, row: (
        row["application_id"] in me.applications and row["visibility"] == "client"
    ),
}
