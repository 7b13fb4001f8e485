"""The one list of what custom reports can be over."""

from collections.abc import Mapping

from reports.selectors.custom_fields import APPLICATIONS, REPAYMENTS, Source, by_name
from reports.selectors.custom_leads import LEADS

SOURCES: Mapping[str, Source] = by_name(APPLICATIONS, REPAYMENTS, LEADS)
