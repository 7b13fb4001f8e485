"""What documents refuse."""

from crm_backend.common.errors import DomainError


class UnsafeFile(DomainError):
    """A file that is two formats at once, or that may act by itself."""

    status = 415
    code = "unsafe_file"
    title = "Unsafe file"
    default_detail = "This file is not what it seems, so it is not kept."


class TooManyFiles(DomainError):
    """More files than one request may have."""

    status = 413
    code = "too_many_files"
    title = "Too many files"
    default_detail = "These are more files than may be sent at once."


class Quarantined(DomainError):
    """The scan found something in this version."""

    status = 409
    code = "quarantined"
    title = "Quarantined"
    default_detail = "The scan for malware found something in this file, so nobody downloads it."


class NotScannedYet(DomainError):
    """The scan has not come to this version yet."""

    status = 409
    code = "not_scanned_yet"
    title = "Not scanned yet"
    default_detail = "This file is waiting for the scan for malware. Try again shortly."
