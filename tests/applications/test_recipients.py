"""Who is told about an application."""

from typing import Any

from applications.selectors.applications import people_of
from tests.factories import ApplicationFactory


def test_people_of_an_application_are_its_own_and_the_admins(world: Any) -> None:
    ours = world.ours
    assert people_of(ours.application) == {
        world.admin.pk,
        ours.broker_user.pk,
        ours.bd_user.pk,
        ours.client_user.pk,
    }


def test_an_application_of_nobody_concerns_the_admins_alone(world: Any) -> None:
    assert people_of(ApplicationFactory.create()) == {world.admin.pk}


def test_a_broker_without_a_login_is_nobody_to_tell(world: Any) -> None:
    broker = world.ours.broker
    broker.user = None
    broker.save()
    application = ApplicationFactory.create(broker=broker)
    assert people_of(application) == {world.admin.pk}
