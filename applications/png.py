"""Reading a drawn signature: is it a PNG image of a sane size with something on it, and nothing else?

Pure: bytes in, an image's size out. The format: PNG, W3C Recommendation, third edition (2025).
"""

import base64
import binascii
import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Self

from PIL import Image, UnidentifiedImageError

MAX_BYTES = 256 * 1024
MAX_SIDE = 2000  # pixels
_DATA_URL = "data:image/png;base64,"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"  # the last chunk, always empty


class NotASignature(ValueError):
    """The text is no signature; the message says why, for people."""


@dataclass(frozen=True)
class Drawing:
    """A PNG image with something on it; width and height in pixels."""

    image: bytes
    width: int
    height: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read base64 text, with or without the head of a data URL.

        Raises:
            NotASignature: it is not base64, of another media type, too large, not a whole PNG, animated,
                followed by something else, or blank.
        """
        image = _decoded(text)
        return cls(image, *_size(image))


def _decoded(text: str) -> bytes:
    if text.startswith("data:"):
        if not text.startswith(_DATA_URL):
            raise NotASignature(f"A data URL of a signature starts with {_DATA_URL}")
        text = text.removeprefix(_DATA_URL)
    try:
        image = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotASignature("This is not base64.") from None
    if len(image) > MAX_BYTES:
        raise NotASignature(f"A signature has at most {MAX_BYTES // 1024} KiB.")
    return image


def _size(image: bytes) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(image), formats=["PNG"]) as picture:
                return _measured(image, picture)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NotASignature("This is not a PNG image.") from None
    except NotASignature:
        raise
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, struct.error, zlib.error):
        raise NotASignature("This PNG image is damaged.") from None


def _measured(image: bytes, picture: Image.Image) -> tuple[int, int]:
    width, height = picture.size
    if max(width, height) > MAX_SIDE:
        raise NotASignature(f"A signature has at most {MAX_SIDE} × {MAX_SIDE} pixels.")
    if getattr(picture, "n_frames", 1) > 1:
        raise NotASignature("A signature does not move.")
    picture.load()
    if not image.endswith(_END) or image.count(_END) > 1:
        raise NotASignature("Something follows the PNG image.")
    # As it is seen on white and on black: transparent pixels have colours that nobody sees.
    drawn = picture.convert("RGBA")
    grounds = [Image.new("RGBA", picture.size, colour) for colour in ("white", "black")]
    if all(Image.alpha_composite(ground, drawn).getcolors(maxcolors=1) for ground in grounds):
        raise NotASignature("Nothing is drawn on this image.")
    return width, height
