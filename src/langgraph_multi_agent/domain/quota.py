"""What a tenant may use, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """None: no limit.

    Attributes:
        tasks_in_flight: tasks that have not ended, whatever they wait for.
        tokens_a_day, cost_a_day: of models, tasks and chat together, in a day of UTC.
    """

    tasks_in_flight: int | None = None
    tokens_a_day: int | None = None
    cost_a_day: float | None = None

    @property
    def has_day(self) -> bool:
        """Whether spending is limited."""
        return self.tokens_a_day is not None or self.cost_a_day is not None


UNLIMITED = Quota()
