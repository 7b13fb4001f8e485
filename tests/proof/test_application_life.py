"""The life of applications: whatever is done, by whomever, in whatever order, these hold after every step.

- The stage is where the last row of the stage history leads, and the history is a chain.
- The timeline is the events of the application, latest first.
- Lists show exactly the rows that a role may see, and their counts are right.
- A refused request changes no row of any table.
- An accepted change has exactly one event of its kind, and one that changes nothing has none.
- After dispatch every recipient has one notification of each event, numbered from 1 without gaps.

A further action is a further rule: call `does` with what it should tell.
"""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from applications.choices import Stage
from applications.models import Application, ApplicationBorrower, Security, StageChange
from applications.stages import ALIASES, MOVES
from borrowers.models import Borrower
from documents.choices import NoteVisibility
from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Notification, NotificationCounter
from tests.drawings import base64_of, drawing
from tests.integration.bodies import FEES, PERSON, SECURITY, TERMS
from tests.proof.oracle import Oracle
from tests.proof.prober import search
from tests.writes import fingerprint
from users.models import User

APPLICATIONS = "/api/applications/"
UNSUBMITTED = {
    "inquiry",
    "sent_to_lender",
    "funding_table_issued",
    "iloo_issued",
    "iloo_signed",
    "commitment_fee_paid",
}
# Who reads which note; see docs/reference/roles.md.
READERS = {
    NoteVisibility.INTERNAL: {"admin", "bd"},
    NoteVisibility.BROKER: {"admin", "bd", "broker"},
    NoteVisibility.CLIENT: {"admin", "bd", "broker", "client"},
}
SIGNATURE = base64_of(drawing())
amounts = st.decimals(1, 10**9, places=2).map(str)
people = st.sampled_from(
    ["admin", "our bd", "our broker", "our client", "their bd", "their broker", "their client"]
)
staff = st.sampled_from(["admin", "our bd", "our broker", "admin", "our bd"])


class ApplicationLife(RuleBasedStateMachine):
    """Requests over HTTP; the model beside them is a history of stages and the events that were due."""

    world: Any
    clients: dict[str, Any]
    known = Bundle("known")

    @initialize(target=known)
    def begin(self) -> Any:
        self.scenario = transaction.atomic()
        self.scenario.__enter__()
        self.stages: dict[int, list[str]] = {}
        self.told: dict[int, list[str]] = {}
        self.steps = 0
        return self.create("our broker", "1000.00", True)

    def teardown(self) -> None:
        if hasattr(self, "scenario"):
            transaction.set_rollback(True)
            self.scenario.__exit__(None, None, None)

    # --- doing ---------------------------------------------------------------------------------------

    def does(self, who: str, method: str, path: str, body: Any, *types: str, about: int | None = None) -> Any:
        """Send a request; accepted, it tells exactly `types` (or nothing, where nothing changed)."""
        before, last = fingerprint(), Event.objects.order_by("pk").last()
        reply = getattr(self.clients[who], method)(path, body)
        new = list(Event.objects.filter(pk__gt=last.pk if last else 0).order_by("pk"))
        if reply.status_code >= 300:
            assert reply.status_code in {400, 403, 404, 409}, (reply.status_code, reply.content)
            assert fingerprint() == before, f"{reply.status_code} of {method} {path} wrote something"
            return None
        about = about or reply.json()["id"]
        if fingerprint() == before:
            types = ()
        assert Counter(event.type for event in new) == Counter(types)
        for event in new:
            assert event.actor_id == self.clients[who].user.pk
            if event.application_id is not None:
                assert event.application_id == about
                self.told.setdefault(about, []).append(event.type)
                self._check_recipients(event)
        return reply

    def _check_recipients(self, event: Event) -> None:
        """The people on it and the administrators, except the actor, as far as they may read it."""
        if (
            event.type not in {"application.created", "application.stage_changed"}
            and event.subject_type != "note"
        ):
            return
        application = Application.objects.get(pk=event.application_id)
        concerned = set(User.objects.filter(role="admin").values_list("pk", flat=True))
        concerned |= {getattr(application.broker, "user_id", None), getattr(application.bd, "user_id", None)}
        concerned |= {borrower.user_id for borrower in application.borrowers.all()}
        if event.subject_type == "note":
            level = application.notes.get(pk=event.subject_id).visibility
            concerned = {pk for pk in concerned if pk and User.objects.get(pk=pk).role in READERS[level]}
        assert event.recipients == sorted(concerned - {None, event.actor_id})

    @rule(target=known, who=people, loan=amounts, ours=st.booleans())
    def open(self, who: str, loan: str, ours: bool) -> Any:
        return self.create(who, loan, ours)

    def create(self, who: str, loan: str, ours: bool) -> Any:
        body = {**TERMS, "loan_amount": loan}
        if ours:
            body["borrowers"] = [self.world.ours.borrower.pk]
        return self._opened(self.does(who, "post", APPLICATIONS, body, "application.created"))

    @rule(
        target=known,
        who=people,
        securities=st.integers(0, 2),
        guarantors=st.integers(0, 1),
        fees=st.booleans(),
    )
    def cascade(self, who: str, securities: int, guarantors: int, fees: bool) -> Any:
        body: dict[str, Any] = {**TERMS, "borrowers": [PERSON], "guarantors": [PERSON] * guarantors}
        body["securities"] = [SECURITY] * securities
        types = ["borrower.created", *["guarantor.created"] * guarantors, "application.created"]
        if fees:
            body["funding_calculation_input"] = FEES
            types.append("application.funding_calculated")
        return self._opened(self.does(who, "post", f"{APPLICATIONS}create-with-cascade/", body, *types))

    def _opened(self, reply: Any) -> Any:
        if reply is None:
            return multiple()
        self.stages[reply.json()["id"]] = ["inquiry"]
        return reply.json()["id"]

    @rule(pk=known, who=people, loan=amounts, approve=st.booleans())
    def edit(self, pk: int, who: str, loan: str, approve: bool) -> None:
        body = {"approved_amount": loan} if approve else {"loan_amount": loan}
        self.does(who, "patch", f"{APPLICATIONS}{pk}/", body, "application.updated", about=pk)

    @rule(pk=known, who=people, whose=st.sets(st.sampled_from(["ours", "theirs"])))
    def set_borrowers(self, pk: int, who: str, whose: set[str]) -> None:
        body = {"borrowers": [getattr(self.world, side).borrower.pk for side in sorted(whose)]}
        self.does(who, "put", f"{APPLICATIONS}{pk}/borrowers/", body, "application.parties_changed", about=pk)

    @rule(pk=known, who=people, whose=st.sets(st.sampled_from(["ours", "theirs"])))
    def set_guarantors(self, pk: int, who: str, whose: set[str]) -> None:
        body = {"guarantors": [getattr(self.world, side).guarantor.pk for side in sorted(whose)]}
        self.does(
            who, "put", f"{APPLICATIONS}{pk}/guarantors/", body, "application.parties_changed", about=pk
        )

    @rule(pk=known, who=people, value=amounts)
    def add_security(self, pk: int, who: str, value: str) -> None:
        body = {**SECURITY, "value": value}
        path = f"{APPLICATIONS}{pk}/securities/"
        self.does(who, "post", path, body, "application.security_changed", about=pk)

    @rule(who=staff, value=amounts, remove=st.booleans(), newest=st.booleans())
    def change_security(self, who: str, value: str, remove: bool, newest: bool) -> None:
        """One that there is; a random application has hardly ever one."""
        there = Security.objects.filter(application__in=self.stages)
        security = there.order_by("-pk" if newest else "pk").first()
        if security is None:
            return
        pk = security.application_id
        path = f"{APPLICATIONS}{pk}/securities/{security.pk}/"
        body = None if remove else {"value": value}
        method = "delete" if remove else "patch"
        self.does(who, method, path, body, "application.security_changed", about=pk)

    @rule(
        pk=known,
        who=people,
        stage=st.sampled_from([*Stage.values, *ALIASES]),
        reason=st.sampled_from(["", "Because"]),
    )
    def move(self, pk: int, who: str, stage: str, reason: str) -> None:
        self._move(pk, who, stage, reason)

    @rule(pk=known, who=staff, steps=st.sampled_from([1, 3, 7]))
    def go_on(self, pk: int, who: str, steps: int) -> None:
        """Along the way of a loan; a random target is hardly ever a legal one."""
        self.advance(pk, who, steps)

    def advance(self, pk: int, who: str, steps: int) -> None:
        for _ in range(steps):
            here = self.stages.get(pk, [""])[-1]
            ways = [
                there for (start, there), move in MOVES.items() if start == here and move.name == "advance"
            ]
            if ways == [Stage.SETTLED]:
                self._settle(pk, who)
            elif ways:
                self._move(pk, who, ways[0].value, "")

    def _settle(self, pk: int, who: str) -> None:
        types = ("loan.settled", "application.stage_changed")
        if self.does(who, "post", f"{APPLICATIONS}{pk}/settle/", {}, *types, about=pk) is not None:
            self.stages[pk].append(Stage.SETTLED.value)

    def _move(self, pk: int, who: str, stage: str, reason: str) -> None:
        body = {"stage": stage, "reason": reason}
        reply = self.does(
            who, "put", f"{APPLICATIONS}{pk}/stage/", body, "application.stage_changed", about=pk
        )
        to = Stage(ALIASES.get(stage, stage))
        if reply is not None:
            move = MOVES[Stage(self.stages[pk][-1]), to]
            assert self.clients[who].user.role in move.roles
            assert reason or not move.needs_reason
            assert not move.back or to == self._came_from(pk)
            self.stages[pk].append(to.value)

    def _came_from(self, pk: int) -> str:
        aside = {"more_info_required", "declined", "withdrawn"}
        return next(stage for stage in reversed(self.stages[pk]) if stage not in aside)

    @rule(pk=known, who=people, visibility=st.sampled_from(NoteVisibility.values))
    def add_note(self, pk: int, who: str, visibility: str) -> None:
        kind = {"internal": "note.added_internal", "broker": "note.added_for_broker", "client": "note.added"}
        body = {"text": "Called.", "visibility": visibility}
        self.does(who, "post", f"{APPLICATIONS}{pk}/notes/", body, kind[visibility], about=pk)

    @rule(pk=known, who=people)
    def calculate_funding(self, pk: int, who: str) -> None:
        path = f"{APPLICATIONS}{pk}/funding-calculation/"
        self.does(who, "post", path, FEES, "application.funding_calculated", about=pk)

    @rule(pk=known, who=people)
    def sign(self, pk: int, who: str) -> None:
        body = {"signature": SIGNATURE, "name": "Bea Borrower"}
        self.does(who, "post", f"{APPLICATIONS}{pk}/signature/", body, "application.signed", about=pk)

    @rule(
        pk=known,
        who=staff,
        whose=st.sampled_from(["ours", "theirs", None]),
        kind=st.sampled_from(["bd", "broker"]),
    )
    def assign(self, pk: int, who: str, whose: str | None, kind: str) -> None:
        """With a BDM goes the branch; nobody is told who was and is not concerned."""
        side = whose and getattr(self.world, whose)
        body = {kind: side and getattr(side, {"bd": "bdm"}.get(kind, kind)).pk}
        self.does(who, "post", f"{APPLICATIONS}{pk}/assign/", body, "application.assigned", about=pk)

    @rule(pk=known, who=staff, after=st.sampled_from([0, 7]))
    def delete(self, pk: int, who: str, after: int) -> None:
        """Also right after it was submitted, when it must not go any more."""
        self.advance(pk, "admin", after)
        path = f"{APPLICATIONS}{pk}/"
        if self.does(who, "delete", path, None, "application.deleted", about=pk) is not None:
            assert self._came_from(pk) in UNSUBMITTED
            del self.stages[pk], self.told[pk]

    @rule()
    def dispatch(self) -> None:
        dispatch_pending()
        assert not Event.objects.filter(dispatched_at=None).exists()
        due = Counter(
            (event.pk, user) for event in Event.objects.exclude(recipients=[]) for user in event.recipients
        )
        assert Counter(Notification.objects.values_list("event", "user")) == due
        for counter in NotificationCounter.objects.all():
            seqs = sorted(Notification.objects.filter(user=counter.user).values_list("seq", flat=True))
            assert seqs == list(range(1, counter.last_seq + 1))

    # --- what always holds -----------------------------------------------------------------------------

    @invariant()
    def stages_follow_their_history(self) -> None:
        if not hasattr(self, "stages"):
            return
        for pk, stages in self.stages.items():
            application = Application.objects.get(pk=pk)
            rows = list(StageChange.objects.filter(application=pk).order_by("pk"))
            assert [row.to_stage for row in rows] == stages
            assert [row.from_stage for row in rows] == ["", *stages[:-1]]
            assert all(row.seconds_in_stage >= 0 for row in rows)
            assert (application.stage, application.stage_entered_at) == (stages[-1], rows[-1].changed_at)

    @invariant()
    def readers_see_what_is_theirs(self) -> None:
        """One caller at each step, in turn; the timeline of one application."""
        if not hasattr(self, "stages"):
            return
        self.steps += 1
        who = sorted(self.clients)[self.steps % len(self.clients)]
        client, oracle = self.clients[who], Oracle()
        for path, model in ((APPLICATIONS, Application), ("/api/borrowers/", Borrower)):
            page = client.get(path, {"limit": 100}).json()
            seen = oracle.visible(model, client.user)
            assert page["count"] == len(seen)
            assert {row["id"] for row in page["results"]} == seen or len(seen) > 100
            for row in page["results"] if model is Application else ():
                assert (
                    row["borrower_count"] == ApplicationBorrower.objects.filter(application=row["id"]).count()
                )
        if self.told:
            pk = sorted(self.told)[self.steps % len(self.told)]
            page = self.clients["admin"].get(f"{APPLICATIONS}{pk}/timeline/", {"limit": 100}).json()
            assert [row["type"] for row in page["results"]][::-1] == self.told[pk][:100]


def live(world, api, examples, steps):
    sides = {"our": world.ours, "their": world.theirs}
    clients = {
        f"{side} {role}": api(user) for side, rows in sides.items() for role, user in rows.users.items()
    }

    class Life(ApplicationLife):
        pass

    Life.world, Life.clients = world, {"admin": api(world.admin), **clients}
    dispatch_pending()
    run_state_machine_as_test(Life, settings=settings(search(examples), stateful_step_count=steps))


@pytest.mark.django_db
def test_any_life_of_an_application_keeps_its_promises(world, api):
    live(world, api, 6, 30)


@pytest.mark.slow
@pytest.mark.django_db
def test_many_lives_keep_their_promises(world, api):
    live(world, api, 20, 40)
