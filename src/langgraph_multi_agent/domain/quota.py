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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a tenant may use, and what it has.

    Attributes:
        limits: that count now.
        own: those of them that are the tenant's own; None in one where the settings' counts.
        tasks_in_flight, tokens_today, cost_today: used; a model's call that has not come back counts as reserved.
    """

    tenant: str
    limits: Quota
    own: Quota
    tasks_in_flight: int
    tokens_today: int
    cost_today: float
