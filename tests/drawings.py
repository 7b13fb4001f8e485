"""Images of signatures, good and bad."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

DRAWN = (120, 40)


def drawing(size: tuple[int, int] = DRAWN, *, stroke: bool = True, **save: Any) -> bytes:
    """A PNG with one stroke on it, or with nothing."""
    picture = Image.new("RGBA", size, (255, 255, 255, 0))
    if stroke:
        ImageDraw.Draw(picture).line((0, 0, *size), fill="black", width=2)
    return encoded(picture, **{"format": "PNG", **save})


def encoded(picture: Image.Image, **save: Any) -> bytes:
    """An image in some format."""
    file = BytesIO()
    picture.save(file, **save)
    return file.getvalue()


def base64_of(image: bytes) -> str:
    """As the API takes it."""
    return base64.b64encode(image).decode()
