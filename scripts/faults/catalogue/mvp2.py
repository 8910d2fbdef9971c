"""Faults of what the front ends lean on: imports, resting looks, chat, lists, and who may come in."""

from scripts.faults.seeded import Seeded

STAGING = "tests/contract/store/test_staging.py::"
RESTS = "tests/unit/test_rests.py::"
TURNS = "tests/contract/store/test_turns.py::"
TASKS = "tests/contract/test_mvp2_tasks.py::"
LISTS = "tests/contract/store/test_lists.py::"
HEALTH = "tests/unit/test_health.py::"
IDENTITIES = "tests/contract/store/test_identities.py::"

FAULTS = (
    Seeded(
        name="import-seen-while-it-arrives",
        breaks="nobody sees a row of an import before all have arrived",
        file="store/staging.py",
        old="return transfer.insert_tasks(store, page, hidden=hidden_tenant(import_id))",
        new="return transfer.insert_tasks(store, page)",
        tests=(STAGING + "test_nothing_is_seen_before_all_has_arrived_and_then_all_of_it_at_once",),
    ),
    Seeded(
        name="cut-import-left-behind",
        breaks="an import that was cut short leaves no row",
        file="store/staging.py",
        old="        moved = transfer.drop_hidden(mine, hidden, limit)\n",
        new="        moved = 0\n",
        tests=(STAGING + "test_what_was_cut_short_goes_without_a_trace_and_cannot_be_completed",),
    ),
    Seeded(
        name="large-import-half-shown",
        breaks="an import too large for one commit is shown to its end",
        file="store/staging.py",
        old="transfer.show_tasks(mine, hidden, limit) or transfer.show_messages(mine, hidden, limit)",
        new="transfer.show_tasks(mine, hidden, limit)",
        tests=(STAGING + "test_an_import_too_large_for_one_commit_is_shown_step_by_step",),
    ),
    Seeded(
        name="each-tab-looks-for-itself",
        breaks="of all who ask a question at the same time one looks",
        file="service/rests.py",
        old="            if underway is None:\n",
        new="            if underway is None or not underway.done():\n",
        tests=(RESTS + "test_who_asks_during_a_look_shares_it",),
    ),
    Seeded(
        name="dear-look-rests-no-longer",
        breaks="a question rests by what its look took",
        file="service/rests.py",
        old="max(TIMES_ITS_PRICE * took_s, MIN_REST_S)",
        new="max(took_s, MIN_REST_S)",
        tests=(RESTS + "test_a_question_rests_by_what_its_look_took",),
    ),
    Seeded(
        name="hanging-probe-asked-again",
        breaks="a dependency that hangs is not asked again before it has answered",
        file="service/health.py",
        old="        if asking is None:\n",
        new="        if asking is None or not asking.done():\n",
        tests=(HEALTH + "test_dependencies_that_hang_are_told_at_their_deadline_and_asked_once",),
    ),
    Seeded(
        name="dead-claim-stays",
        breaks="a message whose server died is answered by the next attempt, once its time is up",
        file="store/turns.py",
        old="or_(_KEYS.c.body_hash == _GIVEN_BACK, _KEYS.c.created_at < store.now - deadline)",
        new="or_(_KEYS.c.body_hash == _GIVEN_BACK)",
        tests=(TURNS + "test_a_claim_that_nobody_answers_is_taken_over_once_its_time_is_up",),
    ),
    Seeded(
        name="claim-given-back-by-anybody",
        breaks="a claim on a message is given back by the attempt that has it only",
        file="store/turns.py",
        old=".where(_KEYS.c.tenant == tenant, mine, _KEYS.c.body_hash == token)",
        new=".where(_KEYS.c.tenant == tenant, mine)",
        tests=(TURNS + "test_a_claim_is_given_back_by_who_has_it_only",),
    ),
    Seeded(
        name="messages-of-others-counted",
        breaks="a person's limit of messages counts that person's alone",
        file="store/turns.py",
        old="            _KEYS.c.key.startswith(_prefix(store.scope.actor), autoescape=True),\n",
        new="",
        tests=(TURNS + "test_a_person_says_so_much_within_a_minute_and_is_told_how_long_to_wait",),
    ),
    Seeded(
        name="fields-and-action-apart",
        breaks="fields and an action of one request are changed together or not at all",
        file="service/tasks.py",
        old="return await self._complete(scope, task_id, fields=fields)",
        new=(
            "await self.update(scope, task_id, fields)\n"
            "                return await self._complete(scope, task_id)"
        ),
        tests=(TASKS + "test_fields_and_an_action_are_one_commit",),
    ),
    Seeded(
        name="progress-of-the-run-before",
        breaks="a reopened task has no completed subtask before it has a plan again",
        file="store/lists.py",
        old="            total, known, done = 0, None, set()\n",
        new="            done = set()\n",
        tests=(LISTS + "test_a_plan_too_long_for_its_event_is_counted_and_a_new_generation_has_none_yet",),
    ),
    Seeded(
        name="revoked-key-valid",
        breaks="a revoked key is nobody's",
        file="store/identities.py",
        old="return self.revoked_at is None and (",
        new="return (",
        tests=(IDENTITIES + "test_a_revoked_key_stays_revoked_since_the_first_time",),
    ),
    Seeded(
        name="session-without-end",
        breaks="a session ends when it was not used for its time",
        file="store/sessions.py",
        old="alive = (_TABLE.c.token_hash == token_hash, _TABLE.c.expires_at > store.now)",
        new="alive = (_TABLE.c.token_hash == token_hash,)",
        tests=(IDENTITIES + "test_a_session_lasts_its_time_from_its_last_use",),
    ),
)
