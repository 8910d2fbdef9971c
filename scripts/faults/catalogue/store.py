"""Faults of the durable-run protocol: fence, journal, numbering, lease, reaper, ledgers, queries."""

from scripts.faults.seeded import Seeded

FENCING = "tests/contract/store/test_fencing.py::"
ENDINGS = "tests/contract/store/test_endings.py::"
CLAIM = "tests/contract/store/test_claim.py::"
LEDGERS = "tests/contract/store/test_ledgers.py::"
NUMBERING = "tests/contract/store/test_seeded_numbering.py::"
PAGING = "tests/contract/store/test_seeded_paging.py::"
LISTING = "tests/contract/store/test_submit_and_list.py::"
SCOPES = "tests/contract/store/test_scopes.py::"

FAULTS = (
    Seeded(
        name="fence-without-epoch",
        breaks="a run that was taken over changes no row",
        file="store/rows.py",
        old="locked is None or locked.row.epoch != epoch or locked.status",
        new="locked is None or locked.status",
        tests=(FENCING + "test_a_run_that_was_taken_over_changes_no_row",),
    ),
    Seeded(
        name="fence-without-status",
        breaks="a run writes nothing for a task that has ended or was stopped by SQL",
        file="store/rows.py",
        old="locked.row.epoch != epoch or locked.status is not TaskStatus.IN_PROGRESS",
        new="locked.row.epoch != epoch",
        tests=(ENDINGS + "test_an_operators_sql_is_obeyed_and_its_missing_event_written_once",),
    ),
    Seeded(
        name="seqs-swapped",
        breaks="events of one commit are numbered in the order in which they happened",
        file="store/rows.py",
        old="for event in task.events:",
        new="for event in reversed(task.events):",
        tests=(NUMBERING + "test_events_are_numbered_in_the_order_in_which_they_happened",),
    ),
    Seeded(
        name="seq-starts-one-late",
        breaks="`seq` has no gap",
        file="store/rows.py",
        old="        last_seq = task.row.last_seq\n",
        new="        last_seq = task.row.last_seq + bool(task.events)\n",
        tests=(FENCING + "test_numbers_have_no_gap_under_eight_writers_with_fenced_and_good_rows_mixed",),
    ),
    Seeded(
        name="oversized-event-stored",
        breaks="event data are at most 8 kB",
        file="store/rows.py",
        old="    if size > MAX_EVENT_BYTES:\n",
        new="    if size > 1000 * MAX_EVENT_BYTES:\n",
        tests=(FENCING + "test_an_oversized_event_is_refused_without_harm_to_its_batch",),
    ),
    Seeded(
        name="events-without-their-step",
        breaks="a step and its events are committed together",
        file="store/journal.py",
        old="        insert_rows(store, schema.journal, journal_rows)\n",
        new="",
        tests=(FENCING + "test_a_step_is_written_though_its_caller_was_cancelled",),
    ),
    Seeded(
        name="step-lost-on-cancel",
        breaks="a step once queued is awaited, whatever happens to its caller",
        file="store/database.py",
        old="        if not future.done():\n            await asyncio.wait({future})\n",
        new="        if not future.done():\n            future.cancel()\n",
        tests=(FENCING + "test_a_step_is_written_though_its_caller_was_cancelled",),
    ),
    Seeded(
        name="one-bad-row-fails-the-batch",
        breaks="a data error fails its own step only",
        file="store/journal.py",
        old="            if len(batch) > 1:  #",
        new="            for item in batch[1:]:\n                item.future.set_exception(error)\n"
        "            if len(batch) > 1000:  #",
        tests=(FENCING + "test_one_rows_data_error_fails_alone_however_large_the_batch",),
    ),
    Seeded(
        name="epoch-stands-still",
        breaks="each claim has a new epoch",
        file="store/claims.py",
        old="epoch, is_first = row.epoch + 1,",
        new="epoch, is_first = max(1, row.epoch),",
        tests=(FENCING + "test_a_run_that_was_taken_over_changes_no_row",),
    ),
    Seeded(
        name="lease-not-renewed",
        breaks="a heartbeat keeps a task from being reclaimed",
        file="store/leases.py",
        old='"until": store.now + lease}',
        new='"until": store.now}',
        tests=(FENCING + "test_heartbeats_keep_a_task_from_being_reclaimed",),
    ),
    Seeded(
        name="cancel-loses-to-completion",
        breaks="a cancel that came meanwhile wins over any other ending",
        file="store/runs.py",
        old="    if task.row.control == CONTROL_CANCEL and action is not Action.CANCEL:\n",
        new="    if task.row.control == CONTROL_CANCEL and action is Action.PARK:\n",
        tests=(ENDINGS + "test_a_cancel_that_came_meanwhile_wins_over_any_other_ending",),
    ),
    Seeded(
        name="early-answer-not-seen",
        breaks="an answer given before parking turns parking into one more run",
        file="store/runs.py",
        old="    if action is Action.PARK and _any_answered(store, task, ending):\n",
        new="    if action is Action.PARK and not ending.questions:\n",
        tests=(ENDINGS + "test_an_answer_given_before_parking_turns_parking_into_one_more_run",),
    ),
    Seeded(
        name="reclaim-forgets-tasks",
        breaks="a task whose worker died goes back to the queue",
        file="store/leases.py",
        old='    found = set(store.connection.scalars(_ABANDONED, {"now": horizon}))\n',
        new="    found = set[str]()\n",
        tests=(ENDINGS + "test_a_crashed_run_gives_its_task_back_and_is_counted",),
    ),
    Seeded(
        name="reclaim-ignores-the-start",
        breaks="at start under the lock file every lease counts as expired",
        file="store/leases.py",
        old="    horizon = FOREVER if all_leases else store.now\n",
        new="    horizon = store.now\n",
        tests=(ENDINGS + "test_at_start_under_the_lock_every_lease_counts_as_expired",),
    ),
    Seeded(
        name="poison-without-end",
        breaks="the fifth crash without progress is a dead letter",
        file="store/leases.py",
        old="        elif crashes >= MAX_LONE_CRASHES:\n",
        new="        elif crashes >= 1000 * MAX_LONE_CRASHES:\n",
        tests=(ENDINGS + "test_the_fifth_crash_without_progress_is_a_dead_letter",),
    ),
    Seeded(
        name="progress-is-poison-too",
        breaks="progress in the journal starts the count of crashes anew",
        file="store/leases.py",
        old="crashes = 1 if mark > task.row.crash_mark else task.row.crash_count + 1",
        new="crashes = task.row.crash_count + 1",
        tests=(ENDINGS + "test_progress_in_the_journal_starts_the_count_of_crashes_anew",),
    ),
    Seeded(
        name="person-does-not-fence",
        breaks="a task completed by a person is taken from its worker, and ends once",
        file="store/decisions.py",
        old="    if not was_running:\n        return\n",
        new="    if was_running is not None:\n        return\n",
        tests=("tests/contract/store/test_seeded_person.py::test_a_worker_that_comes_late_adds_no_second_ending_to_a_persons",),
    ),
    Seeded(
        name="pause-softens-cancel",
        breaks="a pause never takes back a cancel",
        file="store/decisions.py",
        old="        if locked.row.control != CONTROL_CANCEL:  #",
        new="        if locked.row.control != control:  #",
        tests=(ENDINGS + "test_a_pause_never_softens_a_cancel",),
    ),
    Seeded(
        name="idempotency-ignores-the-body",
        breaks="a key that was used with another body is a conflict",
        file="store/submissions.py",
        old="        return None\n    if row.body_hash != body_hash:\n"
        "        raise IdempotencyConflict(key=key, task=row.task_id)\n"
        "    return get(store, row.task_id)\n",
        new="        return None\n    return get(store, row.task_id)\n",
        tests=(LISTING + "test_the_same_key_with_another_body_is_a_conflict_that_names_the_first_task",),
    ),
    Seeded(
        name="queue-without-limit",
        breaks="TASK_QUEUE_SIZE bounds what waits",
        file="store/submissions.py",
        old="        if room[is_delayed] <= 0:\n",
        new="        if room[is_delayed] < 0:\n",
        tests=(LISTING + "test_a_full_queue_refuses_and_leaves_no_trace",),
    ),
    Seeded(
        name="page-repeats-a-row",
        breaks="pages follow each other without a row twice",
        file="store/tasks.py",
        old="tuple_(columns.created_at, columns.id) < tuple_(*after)",
        new="tuple_(columns.created_at, columns.id) <= tuple_(*after)",
        tests=(PAGING + "test_a_page_begins_after_the_last_row_of_the_page_before",),
    ),
    Seeded(
        name="page-loses-rows-of-one-moment",
        breaks="pages follow each other without a row left out",
        file="store/tasks.py",
        old="tuple_(columns.created_at, columns.id) < tuple_(*after)",
        new="columns.created_at < after[0]",
        tests=(PAGING + "test_a_page_begins_after_the_last_row_of_the_page_before",),
    ),
    Seeded(
        name="answer-taken-twice",
        breaks="a question is answered once",
        file="store/decisions.py",
        old="    if reply in known:\n        raise AlreadyAnswered(question=question_id, task=task_id)\n",
        new="    if reply in known:\n        return get(store, task_id)\n",
        tests=("tests/contract/test_api_tasks.py::test_questions_are_answered_once",),
    ),
    Seeded(
        name="events-of-all-tenants",
        breaks="a scope reads the events of its tenant only",
        file="store/events.py",
        old="        _scoped(store, select(_MESSAGES))\n"
        "        .where(_MESSAGES.c.task_id == task_id, _MESSAGES.c.seq >",
        new="        select(_MESSAGES)\n        .where(_MESSAGES.c.task_id == task_id, _MESSAGES.c.seq >",
        tests=(SCOPES + "test_reading_stays_inside_the_tenant",),
    ),
    Seeded(
        name="lock-of-any-tenant",
        breaks="a scope changes tasks of its tenant only",
        file="store/rows.py",
        old="    if store.scope.tenant is not None:\n        query, values",
        new="    if store.scope.tenant == '':\n        query, values",
        tests=(SCOPES + "test_another_tenants_task_is_not_found_and_not_changed",),
    ),
    Seeded(
        name="reservation-not-counted",
        breaks="parallel calls never overdraw a budget together",
        file="store/ledgers.py",
        old='row.state == "settled" else row.reserved_tokens for row in rows',
        new='row.state == "settled" else 0 for row in rows',
        tests=(LEDGERS + "test_parallel_reservations_never_overdraw_together",),
    ),
    Seeded(
        name="dead-reservation-not-counted",
        breaks="what a dead epoch had reserved counts as spent",
        file="store/ledgers.py",
        old="    rows = store.connection.execute(select(_CALLS).where(_CALLS.c.task_id == task_id)).all()\n",
        new="    epoch = select(schema.tasks.c.epoch).where(schema.tasks.c.id == task_id).scalar_subquery()\n"
        "    alive = (_CALLS.c.state == 'settled') | (_CALLS.c.epoch == epoch)\n"
        "    rows = store.connection.execute(select(_CALLS).where(_CALLS.c.task_id == task_id, alive)).all()\n",
        tests=(LEDGERS + "test_the_reservation_of_a_dead_epoch_counts_as_spent",),
    ),
    Seeded(
        name="orphan-taken-for-new",
        breaks="an effect that was claimed and not settled is never claimed again in silence",
        file="store/ledgers.py",
        old='    return "orphan", None\n',
        new='    return "claimed", None\n',
        tests=(LEDGERS + "test_a_claim_without_an_end_is_an_orphan_for_every_later_epoch",),
    ),
)
