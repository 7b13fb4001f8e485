"""What sockets and reports were found to take, beside their floors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of both sides. `ratio` is product to floor."""

    title: str
    unit: str
    floor: float
    product: float
    target: str = ""

    @property
    def ratio(self) -> float:
        """How many times the floor's."""
        return self.product / self.floor if self.floor else 0.0


@dataclass(frozen=True)
class Found:
    """Medians, in milliseconds, of the wall and of CPU (Python's and PostgreSQL's); None without a floor.

    CPU is what counts on a machine that has other work as well; `ratio` is of it, product to floor.
    """

    name: str
    role: str
    floor_ms: float | None
    floor_cpu_ms: float | None
    product_ms: float
    product_cpu_ms: float
    database_cpu_ms: float
    ratio: float | None
    statements: int
    cells: int
    whole: list[str]
