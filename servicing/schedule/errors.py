"""What the schedule engine refuses."""


class ScheduleError(ValueError):
    """Terms that make no schedule.

    Attributes:
        path: where in the terms the fault is: names of fields, and positions in lists.
        message: what is wrong with it, a sentence for people.
    """

    def __init__(self, *path: str | int, message: str) -> None:
        super().__init__(f"{'.'.join(str(part) for part in path)}: {message}")
        self.path = path
        self.message = message

    @property
    def field(self) -> str:
        """The field of the terms at fault."""
        return str(self.path[0])
