"""Faults of processes: killed, frozen, told to end, poisoned, with a wrong clock, overruled by SQL.

Each function deals one blow to a fleet that is ready, waits until every accepted task is at its
end, and tells what it read from outside. It leaves processes that live and tasks that have ended.
What must be in flight at the blow is held until then (`Fleet.hold`): no sleep is long enough on a
machine that stands still, and a bound on time is a promise for `make chaos`, not a fault.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from scripts.chaos.registry import STEADY, Outcome, Shape, fault, outcome
from tests.support.fleet import TERMINAL, Execution, Fleet, Program, has_ended

from langgraph_multi_agent.cli.exits import Exit

GRACE_S = 1.0
ORDINARY = Shape(settings={"SHUTDOWN_GRACE": str(GRACE_S), "MAX_CONCURRENT_WORKFLOWS": "80"})
REPLICAS = Shape(apis=2, settings=ORDINARY.settings)
# No stall of a busy machine is counted as a crash. The leases of dead processes are ended by hand, so that five crashes
# fit in a test's time; a reaper waits about as long as a lease before its first look.
POISONED = Shape(workers=1, settings={**STEADY.settings, "LEASE_SECONDS": "12"})
FROZEN_S = 9.0
LEAP_S = 3600.0
POISON_PATIENCE_S = 240.0
"""Five processes start and end one after the other; on a busy machine each start takes a quarter of a minute."""
NOTICED_S = 2.0
AFTER_WAKING_S = 12.0
"""REAPER_HEALTHY_SECONDS, a tick before and after them, and the claim."""


@fault("kill-worker", shape=ORDINARY, size=50, within_s=10.0)
def kill_worker(fleet: Fleet, size: int) -> Outcome:
    """SIGKILL to a worker with all tasks in flight, its supervisor included."""
    victim, *_ = fleet.workers
    with fleet.hold() as held:
        ids = fleet.gather(victim, size, subtasks=2, held=held)
        blow = fleet.now()
        victim.kill()
    fleet.until_all_ended(ids)
    restarts_s = fleet.restarts_s(ids, blow)
    if len(restarts_s) != size:
        fleet.fail(f"{len(restarts_s)} of {size} tasks ran again")
    return outcome(fleet, ids, recovery_s=max(restarts_s))


@fault("kill-api", shape=REPLICAS, size=120, chaos_size=1000)
def kill_api(fleet: Fleet, size: int) -> Outcome:
    """SIGKILL to one of two APIs while tasks are submitted to both."""
    victim, *_ = fleet.apis
    return _submit_through(fleet, size, victim, victim.kill)


@fault("terminate-api", shape=REPLICAS, size=120, chaos_size=1000)
def terminate_api(fleet: Fleet, size: int) -> Outcome:
    """SIGTERM to one of two APIs while tasks are submitted to both."""
    victim, *_ = fleet.apis
    told = _submit_through(fleet, size, victim, victim.terminate)
    if (code := victim.wait()) != 0:
        fleet.fail(f"{victim.name} ended with {code}")
    return told


def _submit_through(fleet: Fleet, size: int, victim: Program, blow: Callable[[], None]) -> Outcome:
    """One idempotency key a task, tried until it is answered; the blow falls after a third of them."""

    def strike(accepted: int) -> None:
        if accepted == size // 3:
            blow()

    [(before,)] = fleet.query("SELECT count(*) FROM tasks")
    done = fleet.submission(size, during=strike, subtasks=1)
    if victim.is_running:
        victim.wait()
    if done.open:
        fleet.fail(f"{len(done.open)} of {size} submits were never answered, {done.retried} sent again")
    [(after,)] = fleet.query("SELECT count(*) FROM tasks")
    if after - before != size or len(set(done.ids)) != size:
        fleet.fail(f"{size} keys made {after - before} tasks, {len(set(done.ids))} ids were told")
    fleet.until_all_ended(done.ids)
    return outcome(fleet, done.ids, remark=f"{done.retried} sent again")


@fault("freeze-worker", shape=ORDINARY, size=20, chaos_size=50)
def freeze_worker(fleet: Fleet, size: int) -> Outcome:
    """SIGSTOP for nine seconds, then SIGCONT: others have the tasks, late writes are discarded."""
    victim, *_ = fleet.workers
    zombie = victim.child
    with fleet.hold() as held:
        # The zombie wakes with results in hand, while those who took over are still at work.
        ids = fleet.gather(victim, size, subtasks=1, sleep_s=4.0, held=held)
        blow, owned = fleet.now(), fleet.held_by(zombie)
        victim.freeze()
        time.sleep(FROZEN_S)
        fleet.until(lambda: fleet.taken_over(ids, zombie) == size, "others took over")
    thawed_at = fleet.now().timestamp()
    victim.thaw()

    def late() -> list[Execution]:
        lines = [line for line in fleet.executions() if line.pid == zombie and line.task_id in owned]
        return [line for line in lines if line.what in ("ended", "stopped") and line.at_s >= thawed_at]

    fleet.until(lambda: {line.task_id for line in late()} == owned.keys(), "the zombie's runs are over")
    fleet.until_all_ended(ids)
    if written := fleet.written_under(owned, since=blow):
        fleet.fail(f"{written} steps of the zombie were written late")
    if victim.child != zombie:
        fleet.fail("the zombie's process was replaced: it ought to live and work on")
    after = fleet.gather(victim, 2, subtasks=1)
    fleet.until_all_ended(after)
    return outcome(
        fleet, [*ids, *after], recovery_s=max(fleet.restarts_s(ids, blow)), remark=f"{len(late())} late results"
    )


@fault("terminate-worker", shape=ORDINARY, size=50, within_s=1.0)
def terminate_worker(fleet: Fleet, size: int) -> Outcome:
    """SIGTERM under load: what does not end in the grace is handed back and runs again within a second."""
    victim, *_ = fleet.workers
    late = []
    with fleet.hold() as held:
        ids = fleet.gather(victim, size, subtasks=2, held=held)
        blow = fleet.now()
        victim.terminate()
        more = fleet.submit(20, subtasks=1, sleep_s=0.05)
        code = victim.wait()
        if code == Exit.TIMED_OUT and "workers killed" in victim.logged(100_000):
            late.append("the drain took longer than its grace and margin, and was cut off")
        elif code != 0:
            fleet.fail(f"{victim.name} ended with {code}")
        fleet.until(lambda: len(fleet.restarts_s(ids)) == size, "all tasks ran again")
    fleet.until_all_ended(ids + more)
    since_signal_s = max(fleet.restarts_s(ids, blow))
    remark = f"{since_signal_s:.2f} s after SIGTERM, {GRACE_S} s of them grace"
    if since_signal_s > GRACE_S + 1.0:
        late.append(f"the last ran again {remark}")
    return outcome(fleet, ids + more, recovery_s=max(fleet.restarts_s(ids)), remark=remark, late=late)


@fault("poison-task", shape=POISONED, size=50)
def poison_task(fleet: Fleet, size: int) -> Outcome:
    """A task that kills its process each time: alone after the second crash, a dead letter at the fifth."""
    [worker] = fleet.workers
    began = time.monotonic()
    innocents = fleet.submit(size - 1, subtasks=1, sleep_s=0.2)
    [poison] = fleet.submit(1, subtasks=1, poison=True)
    everyone = [*innocents, poison]

    def ended() -> bool:
        _end_leases_of_the_dead(fleet)
        return fleet.count(everyone, *TERMINAL) == size

    fleet.until(ended, "all have ended", timeout_s=POISON_PATIENCE_S)
    took_s = time.monotonic() - began
    asked = "SELECT status, error_message, status_detail, error->>'code', crash_count FROM tasks WHERE id = %s"
    [letter] = fleet.query(asked, poison)
    if letter != ("failed", "POISON_TASK", "poison", "POISON_TASK", 5):
        fleet.fail(f"the dead letter says {letter}")
    if (completed := fleet.count(innocents, "completed")) != len(innocents):
        fleet.fail(f"{completed} of {len(innocents)} innocents completed")
    [(most,)] = fleet.query("SELECT max(crash_count) FROM tasks WHERE id = ANY(%s)", innocents)
    if most > 2:
        fleet.fail(f"an innocent was counted as crashed {most} times")
    victims = [line.pid for line in fleet.executions() if line.task_id == poison and line.what == "began"]
    alone = [record["pid"] for record in _records(worker) if record.get("message") == "lone worker started"]
    if len(victims) != len(set(victims)) or not set(victims[-3:]) <= set(alone) or set(victims[:2]) & set(alone):
        fleet.fail(f"it ended the processes {victims}; those for suspects were {alone}")
    # Its end is a failure that is meant; that it took so many runs is no repetition of a result.
    return outcome(fleet, everyone, recovery_s=took_s, remark=f"{len(victims)} processes ended")


@fault("clock-jump", shape=STEADY, size=20, chaos_size=100)
def clock_jump(fleet: Fleet, size: int) -> Outcome:
    """A worker's clock leaps an hour forward, then two back, with tasks in flight: nobody notices."""
    worker, *_ = fleet.workers
    try:
        with fleet.hold() as throughout:
            lasting = fleet.gather(worker, 2, subtasks=1, held=throughout)
            ids = list(lasting)
            for leap_s in (LEAP_S, -LEAP_S):
                with fleet.hold() as held:
                    batch = fleet.gather(worker, size, subtasks=2, held=held)
                    worker.shift_clock(leap_s)
                    fleet.until_renewed([*lasting, *batch])
                batch += fleet.gather(worker, 2, subtasks=1)
                fleet.until_all_ended(batch)
                ids += batch
                fleet.until(lambda s=leap_s: _says_the_time(worker, s), f"the clock leapt by {leap_s} s")  # type: ignore[misc]
        fleet.until_all_ended(ids)
    finally:
        worker.shift_clock(0.0)
    told = outcome(fleet, ids)
    if told.recovered:
        fleet.fail(f"{told.recovered} tasks were interrupted by the clock alone")
    return told


@fault("two-reapers", shape=REPLICAS, size=30, chaos_size=80, within_s=AFTER_WAKING_S)
def two_reapers(fleet: Fleet, size: int) -> Outcome:
    """Three reapers wake in one moment to the same expired leases; each task is given back once.

    They were frozen themselves, so they first make sure for REAPER_HEALTHY_SECONDS that the owner is
    gone: the promised time counts from when they wake.
    """
    victim, *others = fleet.workers
    reapers = [*fleet.apis, *others]
    with fleet.hold() as held:
        ids = fleet.gather(victim, size, subtasks=1, held=held)
        told = {program.name: len(_reclaimed(program)) for program in reapers}
        for program in reapers:
            program.freeze()
        victim.kill()
    fleet.until(
        lambda: fleet.query("SELECT bool_and(expires_at < clock_timestamp()) FROM leases")[0][0],
        "all leases expired",
    )
    epochs = dict(fleet.query("SELECT task_id, epoch FROM leases WHERE task_id = ANY(%s)", ids))
    if len(epochs) != size:
        fleet.fail(f"{len(epochs)} of {size} leases were left to reap: the fault has missed")
    with fleet.locked("leases"):
        for program in reapers:
            program.thaw()
        # Each waits half a second for the table and comes again with its next tick.
        fleet.until(lambda: fleet.waiting_for_locks() >= 1, "a reaper at the leases")
    awake = fleet.now()
    fleet.until_all_ended(ids)

    def counts() -> list[int]:
        return [count for program in reapers for count in _reclaimed(program)[told[program.name] :]]

    fleet.until(lambda: sum(counts()) >= size, "the reapers said what they gave back")
    given_back = counts()
    asked = "SELECT count(*) FROM workflow_executions WHERE task_id = ANY(%s) AND status = 'crashed'"
    [(crashed,)] = fleet.query(asked, ids)
    [(counted,)] = fleet.query("SELECT max(crash_count) FROM tasks WHERE id = ANY(%s)", ids)
    again = [epoch - epochs[task] for task, epoch in fleet.query("SELECT id, epoch FROM tasks WHERE id = ANY(%s)", ids)]
    if (sum(given_back), crashed, counted, set(again)) != (size, size, 1, {1}):
        fleet.fail(f"{given_back} given back, {crashed} runs crashed, at most {counted} of a task, claimed {again}")
    return outcome(
        fleet,
        ids,
        recovery_s=max(fleet.restarts_s(ids, awake)),
        remark=f"{len(given_back)} of {len(reapers)} gave back",
    )


@fault("operator-sql", shape=ORDINARY, size=20, within_s=NOTICED_S)
def operator_sql(fleet: Fleet, size: int) -> Outcome:
    """Running tasks are set to failed by hand: their worker stops them within two seconds."""
    worker, *_ = fleet.workers
    with fleet.hold() as held:
        ids = fleet.gather(worker, size, subtasks=1, held=held)
        moment = fleet.now().timestamp()
        changed = fleet.change(
            "UPDATE tasks SET status = 'failed', error_message = 'stuck'"
            " WHERE status = 'in_progress' AND started_at < now()"
        )
        if changed != size:
            fleet.fail(f"the operator changed {changed} tasks instead of {size}")
        wanted = set(ids)

        def stops() -> dict[str, float]:
            return {
                line.task_id: line.at_s - moment
                for line in fleet.executions()
                if line.what == "stopped" and line.task_id in wanted
            }

        fleet.until(lambda: stops().keys() == wanted, "the runs stopped")
        asked = "SELECT count(*) FROM leases WHERE task_id = ANY(%s)"
        fleet.until(lambda: fleet.query(asked, ids)[0][0] == 0, "the leases are gone")
    kept = "SELECT count(*) FROM tasks WHERE id = ANY(%s) AND status = 'failed' AND error_message = 'stuck'"
    if fleet.query(kept, ids)[0][0] != size:
        fleet.fail("what the operator wrote was overwritten")
    return outcome(fleet, ids, recovery_s=max(stops().values()))


def _end_leases_of_the_dead(fleet: Fleet) -> None:
    """What time does to the leases of processes that poison has ended, at once; who lives keeps theirs."""
    if dead := [f"%-{pid}-%" for pid in {line.pid for line in fleet.executions()} if has_ended(pid)]:
        past = "UPDATE leases SET expires_at = clock_timestamp() WHERE expires_at > clock_timestamp()"
        fleet.query(f"{past} AND owner LIKE ANY(%s)", dead)


def _records(program: Program) -> list[dict[str, object]]:
    """The JSON lines of a log."""
    lines = program.log.read_text(errors="replace").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def _reclaimed(program: Program) -> list[int]:
    """How many tasks each round of this program's reaper gave back."""
    return [
        int(str(record["count"])) for record in _records(program) if record.get("message") == "tasks reclaimed"
    ]


def _says_the_time(program: Program, leap_s: float) -> bool:
    """Whether the last lines of its log carry a time that is off by so much."""
    moments = [datetime.fromisoformat(str(record["@timestamp"])) for record in _records(program)[-50:]]
    return any(abs((moment - datetime.now(UTC)).total_seconds() - leap_s) < 60.0 for moment in moments)
