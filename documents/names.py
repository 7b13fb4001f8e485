"""Names of files, as people gave them, made harmless."""

import re
import unicodedata

# Characters, and bytes of UTF-8: a file system has room for 255, an archive adds a number.
MAX_LENGTH = 150
MAX_BYTES = 240
NAMELESS = "document"
# What Windows reserves, whatever follows the dot.
_RESERVED = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\.|$)", re.IGNORECASE)
# Separators, what shells and Windows read otherwise, controls; what turns text around, or is not seen.
_NOT_IN_NAMES = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f'
    r"\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\uffff\U000e0000-\U000e0fff]"
)


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
    room = MAX_BYTES - len(ending.encode()) - 1
    stem = (
        stem[: MAX_LENGTH - len(ending) - 1].encode()[:room].decode(errors="ignore").rstrip(" .") or NAMELESS
    )
    return f"{stem}.{ending}" if ending else stem


_ALSO = {"jpg": ("jpeg",), "tif": ("tiff",), "heic": ("heif",), "txt": ("text", "log", "md")}
