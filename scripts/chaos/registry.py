"""The list of faults, and what comes of one.

Hides how faults are found: each module of this package that decorates functions with `fault` adds
to the list. Callers: `python -m scripts.chaos` and the fault tests. Invariant: a verdict rests on
what was read from outside the processes; nobody's word is taken for it.
"""

import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType

from tests.support.fleet import Fleet
from tests.support.invariants import History

NOTHING: Mapping[str, str] = MappingProxyType({})
_OWN = frozenset({"registry", "__main__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fleet that a fault needs; faults of one shape take turns on the same fleet.

    Args:
        settings: environment variables of all processes.
        proxied, appendonly: see `Fleet`.
    """

    apis: int = 1
    workers: int = 2
    proxied: bool = False
    appendonly: bool = False
    settings: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def fleet(self) -> Fleet:
        """A new one, without processes yet."""
        return Fleet(self.settings, proxied=self.proxied, appendonly=self.appendonly)

    def fits(self, other: "Shape") -> bool:
        """Whether both can use one fleet: the numbers of processes are made up for each fault."""
        return (self.proxied, self.appendonly, dict(self.settings)) == (
            other.proxied,
            other.appendonly,
            dict(other.settings),
        )


STEADY = Shape(
    proxied=True,
    settings={
        "SHUTDOWN_GRACE": "1",
        "MAX_CONCURRENT_WORKFLOWS": "80",
        "DATABASE_DEADLINE": "60",
        "LEASE_SECONDS": "30",
        "HEARTBEAT_SECONDS": "2",
    },
)
"""For faults that must interrupt nobody: no stall of a busy machine outlasts its leases and deadlines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a fault.

    Args:
        recovered: tasks that were interrupted and reached their end all the same.
        recovery_s: of the task that took longest to run again, or as the fault says; None: no such wait.
        remark: more that was seen, for the table.
        late: promises of a time that were not kept, each in words.
    """

    history: History
    recovered: int
    recovery_s: float | None = None
    remark: str = ""
    late: Sequence[str] = ()

    @property
    def lost(self) -> int:
        return len(self.history.lost)

    @property
    def repeated(self) -> int:
        """Results twice, endings twice, gaps and leftovers: everything else that must not be."""
        return sum(len(found) for name, found in self.history.faults.items() if name != "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Args:
        run: given a fleet of its shape with all processes ready, and how many tasks.
        size: tasks of a test; `chaos_size` those of `make chaos`.
        within_s: what `recovery_s` must not exceed; None: no promise.
    """

    name: str
    summary: str
    run: Callable[[Fleet, int], Outcome]
    shape: Shape
    size: int
    chaos_size: int
    within_s: float | None

    def deal(self, fleet: Fleet, size: int | None = None) -> Outcome:
        """Make up the fleet's processes, and run it; does not judge.

        Raises:
            FleetFailed: something hangs, or is seen that must not be.
        """
        fleet.complete(apis=self.shape.apis, workers=self.shape.workers)
        return self.run(fleet, size or self.size)

    def harm(self, outcome: Outcome) -> str:
        """What is wrong with an outcome however slow the machine is; empty if nothing is."""
        return "" if outcome.history.is_clean else str(outcome.history)

    def trouble(self, outcome: Outcome) -> str:
        """What does not hold of an outcome, promises of a time included; empty if all does."""
        if harm := self.harm(outcome):
            return harm
        if self.within_s is not None and (outcome.recovery_s or 0.0) > self.within_s:
            return f"recovered after {outcome.recovery_s:.2f} s, promised {self.within_s} s"
        return "; ".join(outcome.late)


FAULTS: dict[str, Fault] = {}
"""By name, in the order of definition; complete after `load`."""


def fault(
    name: str,
    *,
    shape: Shape,
    size: int,
    chaos_size: int | None = None,
    within_s: float | None = None,
) -> Callable[[Callable[[Fleet, int], Outcome]], Fault]:
    """Register a function as a fault; its docstring's first line says what happens."""

    def register(run: Callable[[Fleet, int], Outcome]) -> Fault:
        made = Fault(
            name=name,
            summary=(run.__doc__ or "").partition("\n")[0].rstrip("."),
            run=run,
            shape=shape,
            size=size,
            chaos_size=chaos_size or size,
            within_s=within_s,
        )
        if name in FAULTS:
            raise ValueError(f"two faults are called {name}")
        FAULTS[name] = made
        return made

    return register


def load() -> Mapping[str, Fault]:
    """All faults of all modules of this package."""
    import scripts.chaos

    for module in sorted(found.name for found in pkgutil.iter_modules(scripts.chaos.__path__)):
        if module not in _OWN:
            import_module(f"scripts.chaos.{module}")
    return FAULTS


def outcome(
    fleet: Fleet, ids: Iterable[str], *, recovery_s: float | None = None, remark: str = "", late: Sequence[str] = ()
) -> Outcome:
    """Read the history of these tasks and tell it."""
    history = fleet.history(ids)
    return Outcome(history=history, recovered=history.resumed, recovery_s=recovery_s, remark=remark, late=late)
