"""Shapes: what one kind of request is compiled into, and how a view is made to show it before any request."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import Lock
from types import SimpleNamespace
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import F, Lookup
from django.db.models.expressions import RawSQL

from crm_backend.common import pagination
from crm_backend.common.policy import Policy
from crm_backend.common.read_engine import questions
from crm_backend.common.read_engine.columns import Column
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.found import CHOSEN, FEW, Found
from crm_backend.common.read_engine.plans import Plan, Selection, compile_serializer, select
from crm_backend.common.read_engine.questions import Question
from crm_backend.common.read_engine.statements import MadeUp, Statement, compile_statement

MAX_SHAPES = 1000

USER = "user"
# A database that there is not: what a stand-in does not know fails there, loudly.
NOWHERE = "nowhere"
LIST, RETRIEVE = "list", "retrieve"

# What stands for a key of an address, by the kind of key.
EXAMPLES = {"int": 1, "uuid": UUID(int=1)}

S = TypeVar("S")

_context: ContextVar[Mapping[str, Any]] = ContextVar("serializer_context")


class CurrentContext(Mapping[str, Any]):
    """The serializer context of the request at hand, for serializers that outlive it."""

    def __getitem__(self, name: str) -> Any:
        return _context.get()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_context.get())

    def __len__(self) -> int:
        return len(_context.get())


class _InContext:
    """A context as `contextmanager` would make it, in a third of the time."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._given = context

    def __enter__(self) -> None:
        self._token = _context.set(self._given)

    def __exit__(self, *error: object) -> None:
        _context.reset(self._token)


def context_of(context: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Serializers see this request's context."""
    return _InContext(context)


class OneOf(Lookup):
    """Equal to an element of an array, which PostgreSQL makes once; a subquery it would join as it likes."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """`= ANY(…)`."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right})", [*left_params, *right_params]


@dataclass(frozen=True)
class Key:
    """A term of an ordering, and the column of its values."""

    term: str
    column: Column

    @property
    def field(self) -> Any:
        """The field of the values."""
        return self.column.field

    def read(self, value: Any) -> Any:
        """The value that was selected, as a model instance would hold it."""
        python = self.column.python
        return value if value is None or python is None else python(value)


@dataclass
class Shape:
    """A compiled read.

    Attributes:
        statement: selects the rows, in order; a page is its `LIMIT`.
        counting: counts them.
        found: where filters or a search decide how many there are, finds all of them, for count and page.
        plan: makes a row's reply.
        keys: for paging by cursor, what orders the rows.
    """

    statement: Statement
    plan: Plan
    counting: Statement | None = None
    found: Found | None = None
    keys: tuple[Key, ...] = ()

    def make(self, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """The replies for rows."""
        return list(map(self.plan.make, rows))


class Shapes(Generic[S]):
    """The latest shapes, and the reasons of those that were refused."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, S | Refused] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], S]) -> S | None:
        """The shape of this key, made when it is new; None when it is refused."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                # In the lock: between finding and moving it, another thread's new shape could push it out.
                self._kept.move_to_end(key)
        if found is None:
            try:
                found = make()
            except Refused as reason:
                found = reason
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > MAX_SHAPES:
                    self._kept.popitem(last=False)
        return None if isinstance(found, Refused) else found


# --- whether ----------------------------------------------------------------------------------------


def refusal(view_class: Any, action: str) -> str:
    """Why a view's action is never compiled; empty when it may be."""
    if view_class.plain_because:
        return str(view_class.plain_because)
    if own := view_class.own_ways():
        return f"{', '.join(own)}: the view's own"
    if action == RETRIEVE and _conditional(getattr(view_class, "policy", None)):
        return "reading is allowed under a condition on the object"
    return ""


def _conditional(policy: Policy | None) -> bool:
    return policy is not None and any(grant.condition for grant in policy.actions.get(RETRIEVE, {}).values())


# --- standing in ------------------------------------------------------------------------------------


class _Closed(Mapping[str, Any]):
    """What a compiled view must not look at: its statement would depend on it."""

    def __getitem__(self, name: str) -> Any:
        raise Refused(f"the rows depend on {name!r} of the request")

    def __iter__(self) -> Iterator[str]:
        raise Refused("the rows depend on the request")

    def __len__(self) -> int:
        raise Refused("the rows depend on the request")


def stand_in_user(role: str, pk: int) -> Any:
    """An active user of whom role and id are known, and nothing else can be asked."""
    model: Any = get_user_model()
    return model.stand_in(pk=pk, role=role)


def stand_in_view(view: Any, made: MadeUp) -> Any:
    """The view as it is for any request of this shape: with made-up ids and a user of the same role."""
    other = type(view)()
    user = stand_in_user(view.caller.role, made(USER, 1))
    other.request = SimpleNamespace(user=user, query_params=_Closed(), method="GET", path=view.request.path)
    other.action, other.format_kwarg, other.args = view.action, None, ()
    other.selection = view.selection
    other.kwargs = {name: made(("kwarg", name), value) for name, value in view.kwargs.items()}
    parent = getattr(view, "parent_model", None)
    if parent is not None:
        other.parent = parent.from_db(NOWHERE, ["id"], [other.kwargs[f"{view.parent_field}_id"]])
    return other


# --- compiling --------------------------------------------------------------------------------------


def list_shape(view: Any, question: Question, values: dict[Any, Any]) -> Shape:
    """Compile a list; `values` are those of the request at hand.

    Raises:
        Refused: with the reason.
    """
    first = _rows(view, LIST, question, MadeUp(1))
    with context_of(stand_in_view(view, MadeUp(1)).get_serializer_context()):
        plan, selection = compile_serializer(_serializer(view, LIST), first)

    def build(made: MadeUp) -> Any:
        return select(_rows(view, LIST, question, made), selection)

    def build_counted(made: Any) -> Any:
        return _keys(_rows(view, LIST, question, made))

    counting = compile_statement(build_counted, values).counting()
    statement = compile_statement(build, values)
    plainly = [isinstance(term, str) for term in first.query.order_by]
    if not (statement.varies and plainly and all(plainly)):
        return Shape(statement, plan, counting)
    return Shape(statement, plan, counting, _found(view, question, values, selection, first))


def _found(view: Any, question: Question, values: dict[Any, Any], selection: Selection, first: Any) -> Found:
    """What filters and a search find is put in order by its own columns, before rows are joined to others."""
    ordering = pagination.ordering_of(first)

    def build(made: Any) -> Any:
        rows, terms = pagination.keyed(_rows(view, LIST, question, made), ordering)
        return _keys(rows, *(term.lstrip("-") for term in terms))

    def build_scope(made: Any) -> Any:
        return _keys(stand_in_view(view, made).rows_for(LIST))

    def build_among(made: Any) -> Any:
        return build(made).filter(OneOf(F("pk"), RawSQL(FEW, ())))  # noqa: S611 - our own text

    def build_chosen(made: Any) -> Any:
        rows = stand_in_view(view, made).rows_for(LIST).order_by(*first.query.order_by)
        return select(rows.filter(OneOf(F("pk"), RawSQL(CHOSEN, ()))), selection)  # noqa: S611 - our own text

    statement, chosen, scope, among = (
        compile_statement(one, values) for one in (build, build_chosen, build_scope, build_among)
    )
    return Found(statement, ordering, chosen, scope, replace(among, varies=False))


def _keys(rows: Any, *further: str) -> Any:
    """The keys of rows in no order, with further values."""
    return rows.order_by().prefetch_related(None).values_list("pk", *further)


def _rows(view: Any, action: str, question: Question, made: MadeUp) -> Any:
    other = stand_in_view(view, made)
    rows = other.rows_for(action)
    if action == LIST:
        rows = questions.apply(question, rows, other, made)
    return rows


def _serializer(view: Any, action: str) -> Any:
    return view.shown_by(action)(context=CurrentContext())


def cursor_shape(view: Any, question: Question, values: dict[Any, Any], place: Any = None) -> Shape:
    """Compile a page by cursor, that of a place or the first one.

    Raises:
        Refused: with the reason.
    """
    first = _rows(view, LIST, question, MadeUp(1))
    ordering = pagination.ordering_of(first)
    position = place or pagination.Cursor(ordering)
    with context_of(stand_in_view(view, MadeUp(1)).get_serializer_context()):
        plan, selection = compile_serializer(_serializer(view, LIST), first)
    keyed, terms = pagination.keyed(first, ordering)
    names = [term.lstrip("-") for term in terms]
    columns = [Column(keyed.query.annotations[name].output_field, nested=False) for name in names]

    def build(made: MadeUp) -> Any:
        rows, terms = pagination.keyed(_rows(view, LIST, question, made), ordering)
        if position.values is not None:
            made_up = [
                None if text is None else made(("key", number), values["key", number])
                for number, text in enumerate(position.values)
            ]
            rows = pagination.narrowed(rows, terms, made_up, reverse=position.reverse)
        rows = rows.reverse() if position.reverse else rows
        ends = {f"_e{name}": column.expression(name) for name, column in zip(names, columns, strict=True)}
        return select(rows.annotate(**ends), selection, *ends)

    keys = tuple(Key(term, column) for term, column in zip(ordering, columns, strict=True))
    return Shape(compile_statement(build, values), plan, keys=keys)


def detail_shape(view: Any, pk: Any, values: dict[Any, Any]) -> Shape:
    """Compile a detail; `values` are those of the request at hand.

    Raises:
        Refused: with the reason.
    """
    first = _rows(view, RETRIEVE, Question(), MadeUp(1))
    with context_of(stand_in_view(view, MadeUp(1)).get_serializer_context()):
        plan, selection = compile_serializer(_serializer(view, RETRIEVE), first)

    def build(made: MadeUp) -> Any:
        rows = _rows(view, RETRIEVE, Question(), made).filter(pk=made("pk", pk)).order_by()
        return select(rows, selection)

    return Shape(compile_statement(build, values), plan)


def parent_shape(view: Any) -> Statement:
    """Finds the row above those of a view, if the caller sees it.

    Raises:
        Refused: with the reason.
    """
    parent, name = view.parent_model, f"{view.parent_field}_id"

    def build(made: MadeUp) -> Any:
        visible = parent._default_manager.visible_to(stand_in_user(view.caller.role, made(USER, 1)))
        return visible.filter(pk=made(("kwarg", name), view.kwargs[name])).order_by().values_list("pk")

    return compile_statement(build, {USER: view.caller.pk, ("kwarg", name): view.kwargs[name]})
