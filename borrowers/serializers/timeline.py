"""What happened to a borrower."""

from typing import Any

from crm_backend.common.reads import reads
from events.serializers import TimelineSerializer


class BorrowerTimelineSerializer(TimelineSerializer):
    """One entry; who did it only where the reader may see that user (`selectors.timeline`)."""

    @reads("actor_known")
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Leave out whom the reader does not know."""
        return shown if instance.actor_known else {**shown, "actor": None}
