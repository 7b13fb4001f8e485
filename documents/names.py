"""Names of files, as people gave them, made harmless."""

import re
import unicodedata

MAX_LENGTH = 150
NAMELESS = "document"
# What Windows reserves, whatever follows the dot.
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
# Separators, what shells and Windows read otherwise, and controls; also those that turn text around.
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')


def clean_name(name: str, *, extension: str = "") -> str:
    """A file name without a path that any system can keep; it ends as the content says, if that is given."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    base = _NOT_IN_NAMES.sub("", base)
    base = re.sub(r"\s+", " ", base).strip(" .")
    if _RESERVED.match(base):
        base = f"_{base}"
    stem, dot, ending = base.rpartition(".")
    if not dot:
        stem, ending = base, ""
    if extension and ending.lower() != extension and ending.lower() not in _ALSO.get(extension, ()):
        # Another ending is part of the name: the one that counts is ours.
        stem, ending = base, extension
    ending = ending[:10]
    stem = stem[: MAX_LENGTH - len(ending) - 1].rstrip(" .") or NAMELESS
    return f"{stem}.{ending}" if ending else stem


_ALSO = {"jpg": ("jpeg",), "tif": ("tiff",), "txt": ("text", "log", "md")}
