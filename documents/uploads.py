"""Receiving files: to the disk by blocks, hashed on the way, refused by their announced length before that.

The file is received in the folder where it will stay, so that keeping it is a change of its name; with a
bucket, in a temporary one.
"""

import contextlib
import hashlib
import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser

from crm_backend.common.spreadsheets import FileTooLarge, UnsupportedFile
from documents.content.errors import UnknownFormat, UnsafeContent
from documents.content.formats import Format
from documents.content.inspection import inspection
from documents.errors import TooManyFiles, UnsafeFile
from documents.models import StoredFile
from documents.names import clean_name
from documents.services.files import file_keep
from documents.storage import incoming_folder

MEGABYTE = 1024 * 1024
# What the other fields and the boundaries of a form may take beside its files, bytes.
FORM_ALLOWANCE = 256 * 1024


class ReceivedFile(UploadedFile):
    """A file on the disk, its hash known; deleted when it is closed, unless it was moved.

    `is_too_large`: the rest of it was not kept.
    """

    def __init__(self, *, name: str | None, content_type: str | None) -> None:
        folder = incoming_folder()
        # Closed, and so deleted, with the request.
        file: Any = (
            tempfile.NamedTemporaryFile(dir=folder, suffix=".upload")  # noqa: SIM115
            if folder
            else tempfile.TemporaryFile()  # noqa: SIM115
        )
        if folder:
            self.temporary_file_path = lambda: file.name
        super().__init__(file, name, content_type, 0)
        self.is_too_large = False
        self.sha256 = ""

    def close(self) -> None:
        """Close it; one that was moved is not there to be deleted."""
        with contextlib.suppress(FileNotFoundError):
            super().close()


class DiskHandler(FileUploadHandler):
    """Every file to the disk, none of them beyond the size that one may have."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.count = 0
        self.is_within = False  # a file, whose end has not come yet

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin with a file.

        Raises:
            TooManyFiles: there are more than a batch may have.
        """
        super().new_file(*args, **kwargs)
        self.count += 1
        if self.count > settings.DOCUMENT_BATCH_FILES:
            raise TooManyFiles(f"Send at most {settings.DOCUMENT_BATCH_FILES} files at once.")
        self.file = ReceivedFile(name=self.file_name, content_type=self.content_type)
        self.hash = hashlib.sha256()
        self.received = 0
        self.is_within = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a block, unless there are too many already."""
        self.received += len(raw_data)
        if self.received > settings.DOCUMENT_MAX_BYTES:
            self.file.is_too_large = True
            return
        self.hash.update(raw_data)
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> ReceivedFile:
        """The whole file."""
        self.is_within = False
        self.file.seek(0)
        self.file.size = min(file_size, self.received)
        self.file.sha256 = self.hash.hexdigest()
        return self.file


class DocumentParser(MultiPartParser):
    """Multipart whose file goes to the disk."""

    @property
    def bytes_at_most(self) -> int:
        """Of all files together."""
        return int(settings.DOCUMENT_MAX_BYTES)

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Read the form.

        Raises:
            FileTooLarge: it is announced as larger than its files may be.
            ParseError: it ends in the middle of a file, as when the client has hung up.
        """
        request = parser_context["request"]._request
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > self.bytes_at_most + FORM_ALLOWANCE:
            raise FileTooLarge(f"Send at most {self.bytes_at_most // MEGABYTE} MB at once.")
        handler = DiskHandler(request)
        request.upload_handlers = [handler]
        parsed = super().parse(stream, media_type, parser_context)
        if handler.is_within:
            # Django leaves out such a file, and leaves it where it is.
            handler.file.close()
            raise ParseError("The form ends in the middle of a file.")
        return parsed


class BatchParser(DocumentParser):
    """Multipart with several files."""

    @property
    def bytes_at_most(self) -> int:
        """Of all files together."""
        return int(settings.DOCUMENT_BATCH_BYTES)


def checked(file: ReceivedFile) -> Format:
    """The format of a received file, by its content.

    Raises:
        FileTooLarge: it is larger than one may be.
        UnsupportedFile: it is of no accepted format.
        UnsafeFile: it is something else as well, or may act by itself.
    """
    if file.is_too_large:
        most = settings.DOCUMENT_MAX_BYTES // MEGABYTE
        raise FileTooLarge(f"The file is larger than {most} MB.", errors=_of("file", f"At most {most} MB."))
    content: Any = file
    try:
        return inspection.format_of(content, name=file.name or "", allowed=settings.DOCUMENT_FORMATS)
    except UnknownFormat as error:
        detail = f"The content of this file is of no accepted format. {error}"
        raise UnsupportedFile(detail, errors=_of("file", detail)) from None
    except UnsafeContent as error:
        raise UnsafeFile(str(error), errors=_of("file", str(error))) from None


def _of(name: str, message: str) -> dict[str, list[str]]:
    return {name: [message]}


def received(file: ReceivedFile) -> tuple[StoredFile, str]:
    """Check a file, and keep it; return where it is, and its name as the content says that it ends.

    Raises:
        FileTooLarge: see `checked`, and for the others.
        UnsupportedFile: see there.
        UnsafeFile: see there.
    """
    form = checked(file)
    name = clean_name(file.name or "", extension=form.extension)
    return file_keep(content=file, content_type=form.content_type), name
