"""Scheduled work on what is shared."""

from celery import shared_task

from crm_backend.common.models import IdempotencyKey

BATCH = 5000


@shared_task(name="crm_backend.common.tasks.expired_idempotency_keys_delete")
def expired_idempotency_keys_delete() -> int:
    """Delete the replies whose time is over, some thousand in each transaction; beat calls it."""
    deleted = 0
    while rows := list(IdempotencyKey.objects.expired().order_by("created_at").values_list("pk")[:BATCH]):
        deleted += IdempotencyKey.objects.filter(pk__in=[pk for (pk,) in rows]).delete()[0]
    return deleted
