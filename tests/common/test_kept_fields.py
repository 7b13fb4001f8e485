"""Fields are worked out once for a class, and each serializer has its own."""

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.fields import Field, empty

from applications.models import ApplicationBorrower
from crm_backend.common.kept_fields import KeptFieldsMixin
from crm_backend.common.serializers import ModelSerializer, Serializer
from users.models import User


class Person(ModelSerializer):
    class Meta:
        model = User
        fields = ["email", "role", "first_name"]


class Child(Person):
    class Meta(Person.Meta):
        fields = ["email"]


class Pair(Serializer):
    first = Person()
    people = Person(many=True)
    words = serializers.ListField(child=serializers.CharField())
    named = serializers.SerializerMethodField()

    def get_named(self, row):
        return "yes"


def test_each_serializer_has_fields_of_its_own_bound_to_itself():
    one, two = Person(), Person()
    assert list(one.fields) == list(two.fields) == ["email", "role", "role_display", "first_name"]
    for name in one.fields:
        assert one.fields[name] is not two.fields[name]
        assert (one.fields[name].parent, two.fields[name].parent) == (one, two)
    one.fields["email"].required = False
    del one.fields["role"]
    assert two.fields["email"].required
    assert "role" in two.fields
    assert Person().fields["email"].required


def test_a_class_below_has_its_own_fields():
    assert list(Person().fields) == ["email", "role", "role_display", "first_name"]
    assert list(Child().fields) == ["email"]


def test_what_is_nested_is_made_anew():
    one, two = Pair(), Pair()
    for name in ("first", "people", "words"):
        assert one.fields[name] is not two.fields[name]
    assert one.fields["first"].fields["email"].root is one
    assert two.fields["people"].child.fields["email"].root is two
    assert one.fields["words"].child.parent is one.fields["words"]
    assert two.fields["words"].child.parent is two.fields["words"]
    assert two.fields["named"].parent is two


@pytest.mark.django_db
def test_lists_in_lists_know_where_they_are():
    class Table(Serializer):
        rows = serializers.ListField(child=serializers.ListField(child=Person(), max_length=2), max_length=3)

    one, two = Table(), Table()
    inner = [each.fields["rows"].child.child for each in (one, two)]
    assert inner[0] is not inner[1]
    assert [each.root for each in inner] == [one, two]
    assert one.fields["rows"].child.max_length == 2
    assert inner[0].fields["email"] is not inner[1].fields["email"]
    refused = Table(data={"rows": [[{"email": "no address"}]]})
    assert not refused.is_valid()
    assert set(refused.errors["rows"][0][0]) == {"email", "role", "first_name"}


@pytest.mark.django_db
def test_rules_of_the_constraints_are_looked_for_once_and_anew_for_other_fields():
    class Link(ModelSerializer):
        class Meta:
            model = ApplicationBorrower
            fields = ["application", "borrower"]

    assert [type(one).__name__ for one in Link().validators] == ["UniqueTogetherValidator"]
    assert Link().validators == Link().validators
    assert Link().validators is not Link().validators
    fewer = Link()
    del fewer.fields["borrower"]
    assert fewer.validators == []
    assert len(Link().validators) == 1


@pytest.mark.django_db
def test_rules_are_those_of_the_model():
    checked = Person(data={"email": "no address", "role": "king", "first_name": "x" * 101})
    assert not checked.is_valid()
    assert set(checked.errors) == {"email", "role", "first_name"}


# --- fields that nobody looks at ----------------------------------------------------------------------


class Form(Serializer):
    must = serializers.CharField()
    may = serializers.CharField(required=False)
    usual = serializers.IntegerField(default=7)
    shown = serializers.CharField(read_only=True)
    part = Person(required=False)


def made(serializer):
    """The names of the fields that are the serializer's own by now."""
    return serializer.fields.own


def test_only_fields_that_are_given_or_asked_for_are_made():
    form = Form(data={"must": "a"})
    assert form.is_valid()
    assert form.validated_data == {"must": "a", "usual": 7}
    assert made(form) == {"must", "usual"}
    full = Form(data={"may": "b", "shown": "c"})
    assert not full.is_valid()
    assert full.errors == {"must": ["This field is required."]}
    nested = Form(data={"must": "a", "part": {"role": "king"}})
    assert not nested.is_valid()
    assert set(nested.errors["part"]) == {"email", "role", "first_name"}


def test_what_a_serializer_changes_of_its_own_fields_counts():
    form = Form(data={"must": "a"})
    form.fields["may"].required = True
    assert not form.is_valid()
    assert set(form.errors) == {"may"}
    other = Form(data={"must": "a"})
    other.fields["may"] = serializers.IntegerField(default=3)
    assert other.is_valid()
    assert other.validated_data == {"must": "a", "may": 3, "usual": 7}
    fewer = Form(data={"usual": 1})
    del fewer.fields["must"]
    assert fewer.is_valid()
    assert "must" not in fewer.fields
    assert list(fewer.fields) == ["may", "usual", "shown", "part"]


def test_a_default_that_cannot_be_written_reaches_the_rules():
    seen: list[dict[str, Any]] = []

    class Owned(Form):
        owner = serializers.CharField(read_only=True, default="me")

        class Meta:
            validators = [lambda attrs: seen.append(dict(attrs))]

    assert Owned(data={"must": "a"}).is_valid()
    assert seen == [{"owner": "me", "must": "a", "usual": 7}]


def test_a_field_with_a_way_of_its_own_is_always_asked():
    class Odd(serializers.CharField):
        def validate_empty_values(self, data):
            return (True, "odd") if data is empty else super().validate_empty_values(data)

    class Table(Serializer):
        odd = Odd(required=False)

    table = Table(data={})
    assert table.is_valid()
    assert table.validated_data == {"odd": "odd"}


def test_each_row_of_a_list_is_asked_for_its_own():
    forms: Any = Form(data=[{"must": "a", "may": "b"}, {"must": "c"}, {}], many=True)
    assert not forms.is_valid()
    assert forms.errors == {2: {"must": ["This field is required."]}}
    assert Form(data={"may": "b"}, partial=True).is_valid()


USES: list[dict[str, Any]] = [
    {}, {"data": {"email": "a"}}, {"instance": User(email="b@example.com"), "partial": True},
    {"context": {"view": 1}}, {"instance": None, "data": None},
]  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_one_that_is_made_for_a_use_is_as_rest_framework_makes_it(use):
    made, own = Person(**use), object.__new__(Person)
    super(KeptFieldsMixin, own).__init__(**use)
    counted = {"_creation_counter", "_args", "_kwargs"}
    assert {name: value for name, value in vars(made).items() if name not in counted} == {
        name: value for name, value in vars(own).items() if name not in counted
    }
    assert (made._args, made._kwargs) == ((), use)


def test_one_that_is_made_for_a_use_is_not_counted_and_shares_nothing():
    Person()
    before = Field._creation_counter
    one, two = Person(), Person(data={})
    assert Field._creation_counter == before
    one.error_messages["invalid"] = one.style["base"] = "changed"
    assert two.error_messages["invalid"] != "changed" != Person().error_messages["invalid"]
    assert two.style == Person().style == {}


def test_one_that_is_a_field_of_others_is_counted():
    before = Field._creation_counter
    assert Person(required=False).required is False
    assert Field._creation_counter == before + 1


def test_one_that_is_declared_among_others_stands_where_it_was_declared():
    class Inner(Serializer):
        name = serializers.CharField()

    class Before(Serializer):
        first = serializers.CharField()
        inner = Inner()

    class After(Serializer):
        first = serializers.CharField()
        other = Before()
        inner = Inner()
        again = Inner()
        last = serializers.CharField()

    assert list(Before().fields) == ["first", "inner"]
    assert list(After().fields) == ["first", "other", "inner", "again", "last"]
