"""Faults of the network between one process and PostgreSQL or Redis; the servers and the others are well.

Each process of the fleet has a proxy to each server. `pause` is a black hole: nothing passes and
nobody is told; with only the answers held back a COMMIT arrives and its confirmation does not.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

import httpx
from scripts.chaos.registry import STEADY, Outcome, Shape, fault, outcome
from scripts.chaos.traffic import Traffic, refused
from tests.support.fleet import TERMINAL, Fleet, FleetFailed, Program
from tests.support.proxy import TcpProxy

LEASE_S = 6.0
PROXIED = Shape(apis=2, proxied=True, settings={"SHUTDOWN_GRACE": "1", "MAX_CONCURRENT_WORKFLOWS": "80"})
HELD_S = 10.0
"""Longer than a lease, and than a reaper waits."""
DEADLINE_S = 10.0
"""DATABASE_DEADLINE: what a call may take in a black hole."""
SLACK_S = 2.0
UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
DELAY_S = 0.1
"""Each way."""
BEATS = 3
"""How many heartbeats of the owners are awaited: a lease that is renewed so often is never over."""


@fault("partition-worker-postgres", shape=PROXIED, size=20, chaos_size=60, within_s=10.0)
def worker_without_postgres(fleet: Fleet, size: int) -> Outcome:
    """A worker's line to PostgreSQL is a black hole: it stops by itself, others take over, it writes nothing late."""
    victim, *_ = fleet.workers
    late = []
    with fleet.hold() as held:
        ids = fleet.gather(victim, size, subtasks=1, held=held)
        child = victim.child
        blow, owned = fleet.now(), fleet.held_by(child)
        with _held(_line(victim.postgres)):
            moment = blow.timestamp()
            stopped_s = fleet.until(lambda: _stopped(fleet, child, moment).keys() == owned.keys(), "its runs stopped")
            last_s = max(_stopped(fleet, child, moment).values()) - moment
            fleet.until(lambda: fleet.taken_over(ids, child) == size, "others took over")
            time.sleep(max(0.0, HELD_S - stopped_s))
    fleet.until_all_ended(ids)
    if last_s > LEASE_S:
        late.append(f"a run stopped {last_s:.1f} s after the last word of the database; its lease was over before")
    if written := fleet.written_under(owned, since=blow):
        fleet.fail(f"{written} steps of the cut-off worker were written late")
    after = _expect_works(fleet, victim, child)
    return outcome(
        fleet,
        [*ids, *after],
        recovery_s=max(fleet.restarts_s(ids, blow)),
        remark=f"stopped after {last_s:.1f} s",
        late=late,
    )


@fault("answers-lost-worker", shape=PROXIED, size=30, chaos_size=100)
def worker_without_answers(fleet: Fleet, size: int) -> Outcome:
    """A worker's commits arrive at PostgreSQL and their confirmations do not, for longer than a lease."""
    victim, *_ = fleet.workers
    with fleet.hold() as held:
        ids = fleet.gather(victim, size, edges=_chain(12), sleep_s=0.05, held=held)
        child, line = victim.child, _line(victim.postgres)
        owned = fleet.held_by(child)
        _hold_commits(fleet)  # before the first of these steps comes
    with _step_commits_held_up(fleet):
        line.pause("answers")
        blow, confirmed = fleet.now(), _steps(fleet, owned)
    with _held(line, only_answers=True):
        fleet.until(lambda: _steps_held_up(fleet) == 0, "the last commits arrived")
        fleet.until(lambda: _ended_or_taken_over(fleet, ids, child) == size, "others took over")
        in_doubt = _steps(fleet, owned) - confirmed
        time.sleep(max(0.0, HELD_S - (fleet.now() - blow).total_seconds()))
    fleet.until_all_ended(ids)
    if not in_doubt:
        fleet.fail("no commit was in doubt: the fault has missed")
    after = _expect_works(fleet, victim, child)
    return outcome(
        fleet,
        [*ids, *after],
        recovery_s=max(fleet.restarts_s(ids, blow), default=0.0),
        remark=f"{in_doubt} steps were written and not confirmed",
    )


@fault("cut-lines-postgres", shape=PROXIED, size=30, chaos_size=300)
def cut_lines(fleet: Fleet, size: int) -> Outcome:
    """Every connection to PostgreSQL is reset again and again under load, those of the APIs too."""
    children = [program.child for program in fleet.programs if program.is_running]
    cuts = 0
    with _slow_commits(fleet), Traffic(fleet, fleet.apis, subtasks=3, sleep_s=0.1) as traffic:
        while len(traffic.answers) < size:
            time.sleep(0.7)
            for program in (*fleet.apis, *fleet.workers):
                _line(program.postgres).cut()
                _line(program.postgres).heal()
                cuts += 1
    if wrong := [answer for answer in refused(traffic.answers) if (answer.status, answer.code) != (503, UNAVAILABLE)]:
        codes = {(answer.status, answer.code) for answer in wrong}
        if not codes <= {(503, "COMMIT_IN_DOUBT")}:
            fleet.fail(f"submits were answered {codes}")
    fleet.until_all_ended(traffic.ids)
    if children != [program.child for program in fleet.programs if program.is_running]:
        fleet.fail("a process ended because its connections were cut")
    return outcome(fleet, traffic.ids, remark=f"{cuts} cuts, {len(refused(traffic.answers))} submits sent again")


@fault("partition-worker-redis", shape=STEADY, size=20, chaos_size=60)
def worker_without_redis(fleet: Fleet, size: int) -> Outcome:
    """A worker's line to Redis is a black hole: its leases are renewed, its tasks run on, and it claims by polling."""
    victim, *others = fleet.workers
    with ExitStack() as silence:
        with fleet.hold() as held:
            ids = fleet.gather(victim, size, subtasks=2, held=held)
            child = victim.child
            silence.enter_context(_held(_line(victim.redis)))
            fleet.until_renewed(ids, BEATS)
        fleet.until_all_ended(ids)
        with _frozen(others):
            late = fleet.submit(5, via=fleet.apis[:1], subtasks=1)
            polled_s = fleet.until_all_ended(late)
    told = outcome(fleet, [*ids, *late], remark=f"polled within {polled_s:.1f} s")
    if told.recovered:
        fleet.fail(f"{told.recovered} tasks were interrupted although PostgreSQL was there")
    if victim.child != child:
        fleet.fail("the worker ended because Redis was silent")
    return told


@fault("partition-api-postgres", shape=PROXIED, size=60, chaos_size=200)
def api_without_postgres(fleet: Fleet, size: int) -> Outcome:
    """One API's commits get no answer, then nothing passes: it says so in time, the other serves on."""
    victim, other = fleet.apis[:2]
    with Traffic(fleet, [victim, other], subtasks=1) as traffic:
        fleet.until(lambda: len(traffic.answers) >= size // 4, "answers before the fault")
        began = time.monotonic()
        with _held(_line(victim.postgres), only_answers=True):
            status, took_s = _ready(victim)
            if status != 503:
                fleet.fail(f"without its database an API was ready with {status} after {took_s:.1f} s")
            late = [f"said so after {took_s:.1f} s"] if took_s > 2.0 + SLACK_S else []
            time.sleep(1.0)
            _line(victim.postgres).pause()
            fleet.until(lambda: len(traffic.answers) >= size, "the other API answers")
            fleet.until(lambda: _ready(other)[0] == 200, "the other API is ready")
            fleet.until(
                lambda: any(answer.code for answer in traffic.between(began, time.monotonic())), "a submit is refused"
            )
        fleet.until(lambda: _ready(victim)[0] == 200, "the API is ready again")
    bad = refused(traffic.between(began, time.monotonic()))
    if wrong := [answer for answer in bad if answer.status != 503]:
        fleet.fail(f"submits in a black hole were answered {wrong[:3]}")
    fleet.until_all_ended(traffic.ids)
    slowest_s = max(answer.took_s for answer in bad)
    if slowest_s > DEADLINE_S + SLACK_S:
        late.append(f"a submit in a black hole was answered after {slowest_s:.1f} s")
    return outcome(fleet, traffic.ids, remark=f"{len(bad)} refused, slowest in {slowest_s:.1f} s", late=late)


@fault("slow-postgres", shape=STEADY, size=8, chaos_size=40)
def slow_postgres(fleet: Fleet, size: int) -> Outcome:
    """PostgreSQL answers 200 ms late while leases are renewed: all is slower and nothing is reclaimed."""
    lines = [_line(program.postgres) for program in (*fleet.apis, *fleet.workers)]
    try:
        for line in lines:
            line.delay(DELAY_S)
        with fleet.hold() as held:
            began = time.monotonic()
            ids = fleet.submit(size, subtasks=2, held=held)
            submitted_s = time.monotonic() - began
            fleet.until_renewed(ids, BEATS)
        fleet.until_all_ended(ids)
    finally:
        for line in lines:
            line.heal()
    told = outcome(fleet, ids, remark=f"{size} submits in {submitted_s:.1f} s")
    if told.recovered:
        fleet.fail(f"{told.recovered} tasks were reclaimed from workers that lived")
    return told


def _line(proxy: TcpProxy | None) -> TcpProxy:
    assert proxy is not None
    return proxy


@contextmanager
def _held(line: TcpProxy, *, only_answers: bool = False) -> Iterator[None]:
    """A black hole until the block ends."""
    if only_answers:
        line.pause("answers")
    else:
        line.pause()
    try:
        yield
    finally:
        line.heal()


@contextmanager
def _frozen(programs: list[Program]) -> Iterator[None]:
    for program in programs:
        program.freeze()
    try:
        yield
    finally:
        for program in programs:
            program.thaw()


@contextmanager
def _slow_commits(fleet: Fleet) -> Iterator[None]:
    """Each COMMIT takes a tenth of a second, so that a line which goes bad meets one on its way."""
    for statement in ("ALTER SYSTEM SET commit_delay = 100000", "ALTER SYSTEM SET commit_siblings = 0"):
        fleet.change(statement)
    fleet.query("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        fleet.change("ALTER SYSTEM RESET ALL")
        fleet.query("SELECT pg_reload_conf()")


@contextmanager
def _step_commits_held_up(fleet: Fleet) -> Iterator[None]:
    """Each COMMIT waits in PostgreSQL, durable and unseen, until the block ends; one of steps waits when it begins.

    A worker commits one batch at a time: a batch of events alone that was caught is let go, for the
    steps behind it are not sent before.
    """
    give_up = time.monotonic() + 90.0
    try:
        while True:
            _hold_commits(fleet)
            with suppress(FleetFailed):
                fleet.until(lambda: _steps_held_up(fleet) > 0, "a step is being committed", timeout_s=2.0)
                break
            if time.monotonic() > give_up:
                fleet.fail("no commit of steps could be held up")
            _let_commits_go(fleet)
        yield
    finally:
        _let_commits_go(fleet)


def _hold_commits(fleet: Fleet) -> None:
    """They wait for a standby that is not there."""
    fleet.change("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    fleet.query("SELECT pg_reload_conf()")


def _let_commits_go(fleet: Fleet) -> None:
    fleet.change("ALTER SYSTEM RESET synchronous_standby_names")
    fleet.query("SELECT pg_reload_conf()")


def _steps_held_up(fleet: Fleet) -> int:
    """How many connections wait in the COMMIT of steps."""
    asked = (
        "SELECT count(DISTINCT a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
        " WHERE a.wait_event = 'SyncRep' AND l.relation = 'journal'::regclass"
    )
    return int(fleet.query(asked)[0][0])


def _chain(length: int) -> dict[str, list[str]]:
    """Subtasks that follow each other: a commit for each."""
    return {f"s{number}": [f"s{number - 1}"] if number else [] for number in range(length)}


def _stopped(fleet: Fleet, child: int, since: float) -> dict[str, float]:
    """When this process's runs stopped, by task, as far as they did since then; seconds of the epoch."""
    return {
        line.task_id: line.at_s
        for line in fleet.executions()
        if line.pid == child and line.what in ("stopped", "ended") and line.at_s >= since
    }


def _steps(fleet: Fleet, owned: Mapping[str, int]) -> int:
    """How many steps of these runs, by task and epoch, are written."""
    return fleet.written_under(owned, since=datetime.min.replace(tzinfo=UTC))


def _ended_or_taken_over(fleet: Fleet, ids: list[str], child: int) -> int:
    return fleet.count(ids, *TERMINAL) + fleet.taken_over(ids, child)


def _expect_works(fleet: Fleet, worker: Program, child: int) -> list[str]:
    """The healed worker is the same process, and claims again; the tasks it then did."""
    if worker.child != child:
        fleet.fail("the cut-off process was replaced: it ought to live and work on")
    after = fleet.gather(worker, 2, subtasks=1)
    fleet.until_all_ended(after)
    return after


def _ready(api: Program) -> tuple[int, float]:
    """Status of readiness, 0 for no answer, and the seconds it took."""
    began = time.monotonic()
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{api.port}/ready", timeout=60).status_code, time.monotonic() - began
    return 0, time.monotonic() - began
