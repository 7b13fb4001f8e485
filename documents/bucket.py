"""Files of documents in a bucket. A module of its own: the client takes half a second to import."""

import contextlib
from collections.abc import Iterator
from typing import Any

from boto3.s3.transfer import TransferConfig
from storages.backends.s3 import S3Storage

from documents.storage import BLOCK

# At most two parts at once, which bounds the memory of an upload; bytes.
PART = 8 * 1024 * 1024
AT_ONCE = 2


def _transfer() -> TransferConfig:
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=AT_ONCE)
    # It would read ten parts ahead.
    config.max_in_memory_upload_chunks = AT_ONCE
    return config


class BucketStorage(S3Storage):
    """A bucket of S3 or of something that speaks like it."""

    def get_default_settings(self) -> dict[str, Any]:
        """Nothing is public, and nothing large stays in memory."""
        own = {
            "default_acl": None,
            # Keys are never used twice, so nobody has to look whether one is there.
            "file_overwrite": True,
            # What is read beyond this goes to the disk, bytes.
            "max_memory_size": 1024 * 1024,
            "transfer_config": _transfer(),
        }
        return {**super().get_default_settings(), **own}

    def parts(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """Read a range by blocks, from one reply."""
        if stop <= start:
            return
        found = self.bucket.Object(self._normalize_name(name)).get(Range=f"bytes={start}-{stop - 1}")
        with contextlib.closing(found["Body"]) as body:
            yield from body.iter_chunks(BLOCK)
