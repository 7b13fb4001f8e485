"""Clients that many tests over HTTP use."""

import pytest


@pytest.fixture
def admin(world, api):
    """The administrator."""
    return api(world.admin)


@pytest.fixture
def broker(world, api):
    """Our broker."""
    return api(world.ours.broker_user)


@pytest.fixture
def client(world, api):
    """Our client."""
    return api(world.ours.client_user)
