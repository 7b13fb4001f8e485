import json

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from crm_backend.common.encryption import plain


def remember(apps, schema_editor):
    """Of merges that there are, the snapshot knows it; one that cannot be read stays without."""
    merges = apps.get_model("borrowers", "BorrowerMerge").objects
    users = set(apps.get_model("users", "User").objects.values_list("pk", flat=True))
    for pk, snapshot in merges.values_list("pk", "snapshot"):
        kept = plain(snapshot)
        creator = json.loads(kept)["duplicate"].get("created_by_id") if kept is not None else None
        if creator in users:
            merges.filter(pk=pk).update(duplicate_created_by=creator)


class Migration(migrations.Migration):
    dependencies = [
        ("borrowers", "0005_duplicate_pairs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="borrowermerge",
            name="duplicate_created_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="borrowermerge",
            index=models.Index(
                condition=models.Q(("duplicate_created_by__isnull", False), ("undone_at", None)),
                fields=["duplicate_created_by", "survivor"],
                name="borrower_merge_brought_by",
            ),
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
