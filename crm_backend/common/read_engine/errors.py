"""What the engine says when it cannot do something."""


class Refused(Exception):
    """What cannot be compiled; the message says what stands in the way, and the plain path answers."""


class Undeclared(Exception):
    """A computed value read what its `reads` does not name. Not an AttributeError, which DRF swallows."""
