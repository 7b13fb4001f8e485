"""What happened to a borrower."""

from typing import Any

from events.serializers import TimelineSerializer


class BorrowerTimelineSerializer(TimelineSerializer):
    """One entry; who did it only where the reader may see that user (`selectors.timeline`)."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Leave out whom the reader does not know."""
        shown: dict[str, Any] = super().to_representation(instance)
        return shown if instance.actor_known else {**shown, "actor": None}
