"""The rows of this app: `rollups`, and what people keep of reports (`saved`)."""

from reports.models.rollups import Cell, Due, Fact, RollupState
from reports.models.saved import ReportFile, ReportSchedule, SavedReport

__all__ = ["Cell", "Due", "Fact", "ReportFile", "ReportSchedule", "RollupState", "SavedReport"]
