"""From a serializer to a plan: what to select, and how to make the reply of what was selected.

A plan selects each value that the serializer's fields need, once, and writes a function that makes the reply
of what was selected. Rows that are nested once are joined; those nested many times are one JSON column.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import OuterRef, Prefetch, QuerySet, Value
from rest_framework import serializers

from crm_backend.common.read_engine.columns import (
    Column,
    JsonArray,
    JsonRows,
    JsonText,
    needs_row,
    without_parent,
)
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.rows import RowMaker
from crm_backend.common.read_engine.sources import Source, Write, called
from crm_backend.common.reads import reads_of
from crm_backend.common.serializers import LinkedListSerializer, Representation

MAX_ARGUMENTS = 100  # PostgreSQL's, for one function

Selected = Sequence[Any]


@dataclass(frozen=True)
class Place:
    """Where in the joined tables a row is.

    Attributes:
        model: the row's model.
        prefix: the path to it from the statement's own model, `broker__user__`; empty for that itself.
        optional: whether the row may be missing, so that DRF meets None on the way to a value.
        annotations: names that the statement's queryset computes.
        prefetches: by path, the querysets that the view prefetches related rows with.
        nested: whether the statement is one of related rows, inside JSON.
    """

    model: type[models.Model]
    prefix: str = ""
    optional: bool = False
    annotations: dict[str, Any] = field(default_factory=dict)
    prefetches: dict[str, QuerySet[Any]] = field(default_factory=dict)
    nested: bool = False

    @classmethod
    def of(cls, queryset: QuerySet[Any], *, nested: bool = False) -> "Place":
        """The place of a queryset's own rows."""
        return cls(
            queryset.model,
            annotations=dict(queryset.query.annotations),
            prefetches=dict(_prefetched(queryset)),
            nested=nested,
        )

    def below(self, relation: Any) -> "Place":
        """The place of the one row that a relation leads to."""
        return replace(
            self,
            model=relation.related_model,
            prefix=f"{self.prefix}{relation.name}__",
            optional=self.optional or bool(relation.concrete and relation.null),
            annotations={},
        )

    def __str__(self) -> str:
        return f"{self.model.__name__} {self.prefix}".strip()


def _prefetched(queryset: QuerySet[Any]) -> Iterator[tuple[str, QuerySet[Any]]]:
    for lookup in queryset._prefetch_related_lookups:  # type: ignore[attr-defined]
        if isinstance(lookup, Prefetch) and lookup.queryset is not None:
            yield lookup.prefetch_through.replace("__", "."), lookup.queryset


@dataclass(frozen=True)
class Found:
    """What a name at a place is: a column, a computed value, one row or many."""

    place: Place
    column: Column | None = None
    path: str = ""
    function: Callable[..., Any] | None = None
    choices: dict[Any, Any] | None = None
    relation: Any = None
    many: bool = False


def find(place: Place, names: Sequence[str]) -> Found:
    """Follow names from a row.

    Raises:
        Refused: one of them is nothing that can be selected.
    """
    name, rest = names[0], names[1:]
    found = _member(place, name)
    if not rest:
        return found
    if found.relation is None or found.many:
        raise Refused(f"{place}: {'.'.join(names)} goes through {name}, which is not one row")
    return find(place.below(found.relation), rest)


def _member(place: Place, name: str) -> Found:
    if not place.prefix and name in place.annotations:
        expression = place.annotations[name]
        return Found(place, Column(expression.output_field, place.nested), name)
    relation = _field(place.model, name)
    if relation is None:
        return _computed(place, name)
    if not relation.is_relation:
        return Found(place, Column(relation, place.nested), f"{place.prefix}{relation.name}")
    if name == getattr(relation, "attname", None) and name != relation.name:
        target = relation.target_field
        return Found(place, Column(target, place.nested), f"{place.prefix}{relation.attname}")
    many = relation.one_to_many or relation.many_to_many
    return Found(place, relation=relation, many=bool(many))


def _field(model: type[models.Model], name: str) -> Any:
    if name == "pk":
        return model._meta.pk
    for concrete in model._meta.concrete_fields:
        if name in (concrete.name, concrete.attname):
            return concrete
    for related in model._meta.related_objects:
        if related.get_accessor_name() == name:
            return related
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _computed(place: Place, name: str) -> Found:
    shown = name.removeprefix("get_").removesuffix("_display")
    column = _field(place.model, shown) if name == f"get_{shown}_display" else None
    if column is not None and column.choices:
        found = Found(place, Column(column, place.nested), f"{place.prefix}{column.name}")
        return replace(found, choices=dict(column.flatchoices))
    member = getattr(place.model, name, None)
    function = member.fget if isinstance(member, property) else member
    if not callable(function):
        raise Refused(f"{place}: there is no {name}")
    if reads_of(function) is None:
        raise Refused(f"{place}: {name} does not declare what it reads (crm_backend/common/reads.py)")
    return Found(place, function=function)


class Selection:
    """The list of what is selected, each column once."""

    def __init__(self) -> None:
        self.expressions: list[Any] = []
        self.known: dict[str, int] = {}

    def append(self, expression: Any) -> int:
        """Select it, at the place that is returned."""
        self.expressions.append(expression)
        return len(self.expressions) - 1

    def at(self, found: Found) -> int:
        """Where a column is selected already, or is from now on."""
        assert found.column is not None
        if found.path not in self.known:
            self.known[found.path] = self.append(found.column.expression(found.path))
        return self.known[found.path]

    def key(self, place: Place) -> int:
        """Where the primary key of a joined row is, NULL when there is no such row."""
        pk = place.model._meta.pk
        assert pk is not None
        return self.at(Found(place, Column(pk, place.nested), f"{place.prefix}{pk.name}"))


@dataclass
class Plan:
    """How the reply for one row is made of what is selected for it.

    Attributes:
        members: of the reply, in the order of the serializer's fields, and how to write each.
        last: rewrites the whole, for rules about who may read what.
    """

    members: dict[str, Write]
    last: Callable[[dict[str, Any], Selected], dict[str, Any]] | None = None

    def write(self, source: Source) -> str:
        """The reply for one row, as an expression."""
        members = (f"{name!r}: {write(source)}" for name, write in self.members.items())
        shown = f"{{{', '.join(members)}}}"
        return shown if self.last is None else f"{source.name(self.last)}({shown}, s)"

    @cached_property
    def make(self) -> Callable[[Selected], dict[str, Any]]:
        """The function that makes it."""
        source = Source()
        return source.function(f"return {self.write(source)}")


class Compiler:
    """Compiles the serializers of one statement, and those nested in it, into a selection."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    def plan(self, serializer: Any, place: Place) -> Plan:
        """Compile one serializer for the row at a place.

        Raises:
            Refused: some field of it cannot be compiled.
        """
        is_ours = isinstance(serializer, Representation)
        if not is_ours or not serializer.is_compilable():
            raise Refused(f"{type(serializer).__name__} has a representation of its own")
        fields = {str(field.field_name): field for field in serializer._readable_fields}
        members = {name: self.field(one, place) for name, one in fields.items()}
        return Plan(members, self.concealing(serializer, place))

    def concealing(self, serializer: Any, place: Place) -> Any:
        """What keeps from the caller what is not theirs to read."""
        paths = serializer.concealed_by()
        if paths is None:
            return None
        make = self.row(place, paths).make
        return lambda shown, selected: serializer.concealed(shown, make(selected))

    def field(self, one: Any, place: Place) -> Write:
        """Compile one field."""
        names = one.source_attrs
        if isinstance(one, serializers.SerializerMethodField):
            return self.method(one, place)
        if isinstance(one, serializers.BaseSerializer) and not names:
            return self.plan(one, place).write
        found = find(place, names)
        if isinstance(one, serializers.ListSerializer) and found.many:
            return self.many(one, found)
        if isinstance(one, serializers.BaseSerializer) and found.relation is not None:
            return self.one(one, found)
        if isinstance(one, serializers.PrimaryKeyRelatedField) and found.relation is not None:
            found = find(place, [*names[:-1], found.relation.attname])
        return self.leaf(one, found)

    def leaf(self, one: Any, found: Found) -> Write:
        """A field with one value."""
        missing = without_parent(one, one.source) if found.place.optional else None
        if found.function is not None:
            return self.computed(one, found, missing)
        if needs_row(one):
            return self.whole(one, found)
        if found.column is None:
            raise Refused(f"{found.place}: {one.field_name} is no column")
        number = self.selection.at(found)
        if found.choices is not None:
            choices = found.choices.get
            return lambda source: f"{source.name(choices)}(x := s[{number}], x)"
        output = found.column.output(one)
        if output is None and missing is None:
            return lambda source: f"s[{number}]"
        return lambda source: source.unless_null(f"s[{number}]", output, missing)

    def computed(self, one: Any, found: Found, missing: Any) -> Write:
        """A property or a method of the model."""
        function, represent = found.function, one.to_representation
        is_boolean = type(one).to_representation is serializers.BooleanField.to_representation
        assert function is not None
        make = self.row(found.place, reads_of(function) or ()).make
        key = self.selection.key(found.place) if found.place.optional else None

        def write(source: Source) -> str:
            made = f"{source.name(function)}({source.name(make)}(s))"
            shown = (source.unless_boolean if is_boolean else source.unless_null)(made, represent)
            return shown if key is None else f"({source.name(missing)} if s[{key}] is None else {shown})"

        return write

    def whole(self, one: Any, found: Found) -> Write:
        """A field that looks at other values of the row, to know who may read its own."""
        paths = reads_of(one)
        if paths is None or len(one.source_attrs) != 1:
            raise Refused(
                f"{found.place}: {one.field_name} looks at the row and does not declare what it reads"
            )
        make = self.row(found.place, (one.source, *paths)).make
        read, represent = one.get_attribute, one.to_representation
        return lambda source: source.unless_null(f"{source.name(read)}({source.name(make)}(s))", represent)

    def method(self, one: Any, place: Place) -> Write:
        """A method of the serializer."""
        method = getattr(one.parent, one.method_name)
        paths = reads_of(method)
        if paths is None:
            name = f"{type(one.parent).__name__}.{one.method_name}"
            raise Refused(f"{name} does not declare what it reads (crm_backend/common/reads.py)")
        make = self.row(place, paths).make
        return called(lambda selected: method(make(selected)))

    def one(self, one: Any, found: Found) -> Write:
        """A serializer of the one row that a relation leads to."""
        # Its fields are only made when the row is there.
        place = replace(found.place.below(found.relation), optional=False)
        plan = self.plan(one, place)
        key = self.selection.key(place)
        return lambda source: f"(None if s[{key}] is None else {plan.write(source)})"

    def many(self, one: Any, found: Found) -> Write:
        """A list of the rows that a relation leads to."""
        link = one.link if isinstance(one, LinkedListSerializer) else ""
        if type(one).to_representation not in (
            serializers.ListSerializer.to_representation,
            LinkedListSerializer.to_representation,
        ):
            raise Refused(f"{type(one).__name__} has a representation of its own")

        def compile_each(place: Place, compiler: Compiler) -> Any:
            target = place.below(find(place, [link]).relation) if link else place
            return compiler.plan(one.child, target)

        expression, plan = related(found, compile_each)
        number = self.selection.append(expression)
        make = plan.make
        if found.place.nested:
            return lambda source: f"[*map({source.name(make)}, s[{number}])]"
        return lambda source: f"[*map({source.name(make)}, {source.name(orjson.loads)}(s[{number}]))]"

    def row(self, place: Place, paths: Sequence[str]) -> RowMaker:
        """A maker of light rows with what the paths name."""
        maker = RowMaker(place.model)
        groups: dict[str, list[str]] = {}
        for path in _columns_of(place, paths):
            name, _, below = path.partition(".")
            groups.setdefault(name, []).extend([below] if below else [])
        for name, below_it in groups.items():
            self._read(maker, place, name, below_it)
        return maker

    def _read(self, maker: RowMaker, place: Place, name: str, below_it: list[str]) -> None:
        found = _member(place, name)
        if found.column is not None:
            maker.columns.append((name, self.selection.at(found), found.column.python))
        elif found.many:
            expression, each = related(found, lambda rows, compiler: compiler.row(rows, below_it or ["pk"]))
            number = self.selection.append(expression)
            maker.many.append((name, number, None if place.nested else orjson.loads, each))
        else:
            one = place.below(found.relation)
            maker.ones.append((name, self.selection.key(one), self.row(one, below_it)))


def _columns_of(place: Place, paths: Sequence[str]) -> Iterator[str]:
    """The paths, and in the place of computed values what those read."""
    for path in paths:
        found = _member(place, path.partition(".")[0])
        if found.function is None:
            yield path
        else:
            yield from _columns_of(place, reads_of(found.function) or ())


def related(found: Found, compile_each: Callable[[Place, Compiler], Any]) -> tuple[Any, Any]:
    """A JSON column with the rows that a relation leads to, and what `compile_each` made for one of them."""
    relation, place = found.relation, found.place
    name = relation.name if hasattr(relation, "attname") else relation.get_accessor_name()
    path = ".".join([*place.prefix.split("__")[:-1], name])
    rows = place.prefetches.get(path)
    if rows is None:
        rows = relation.related_model._default_manager.all()
    if rows.query.distinct or rows.query.combinator or rows.query.is_sliced:
        raise Refused(f"{place}: the rows of {name} are not plainly selected")
    linked = rows.filter(**{relation.remote_field.name: OuterRef(f"{place.prefix}pk")})
    selection = Selection()
    made = compile_each(Place.of(rows, nested=True), Compiler(selection))
    if len(selection.expressions) > MAX_ARGUMENTS:
        raise Refused(f"{place}: {name} has more than {MAX_ARGUMENTS} values")
    each = linked.prefetch_related(None).annotate(_row=JsonArray(*selection.expressions)).values("_row")
    return (JsonRows if place.nested else JsonText)(each), made


def select(queryset: QuerySet[Any], selection: Selection, *further: str) -> QuerySet[Any]:
    """The queryset, selecting just this, and further annotations after it."""
    named = {f"_c{number}": expression for number, expression in enumerate(selection.expressions)}
    rows = queryset.prefetch_related(None).annotate(**named)
    return rows.values_list(*named, *further)


def compile_serializer(serializer: Any, queryset: QuerySet[Any]) -> tuple[Plan, Selection]:
    """Compile a serializer for the rows of a queryset.

    Raises:
        Refused: with the reason.
    """
    if queryset.query.distinct or queryset.query.combinator:
        raise Refused("the rows are not plainly selected")
    selection = Selection()
    plan = Compiler(selection).plan(serializer, Place.of(queryset))
    if not selection.expressions:
        selection.append(Value(None, output_field=models.TextField()))  # a row is still a row
    return plan, selection
