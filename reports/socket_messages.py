"""What is said on `/ws/analytics/`."""

from typing import Literal

from pydantic import Field

from crm_backend.common.sockets import Id, ToClient

DashboardName = Literal["dashboard", "leads", "revenue", "team"]


class DashboardsConnected(ToClient):
    """The login is good; changes of these dashboards are told from now on."""

    type: Literal["connected"]
    user_id: Id
    dashboards: list[DashboardName]


class DashboardChanged(ToClient):
    """Figures of a dashboard changed: read `GET /api/analytics/{dashboard}/` again. None are told here."""

    type: Literal["dashboard_changed"]
    dashboard: DashboardName
    tiles: list[str] = Field(
        description="Keys of the tiles that may be out of date, sorted. Charts may be too; where only they "
        "changed this is empty."
    )
