"""Faults of handing out and erasing what is stored of somebody."""

from scripts.faults.seeded import Seeded

PRIVACY = "tests/contract/store/test_privacy.py::"
ERASED = PRIVACY + "test_after_an_erasure_nothing_of_theirs_is_left_and_all_of_others_is_as_it_was"
RESUMED = PRIVACY + "test_an_erasure_that_dies_after_any_commit_ends_the_same_when_it_is_started_again"
MADE = PRIVACY + "test_a_task_is_theirs_who_submitted_or_imported_it_or_whose_schedule_made_it"
ARCHIVE = PRIVACY + "test_an_archive_holds_every_row_and_file_of_theirs_and_no_secret"

FAULTS = (
    Seeded(
        name="erased-with-their-tenant",
        breaks="an erasure of one person leaves the rows of others in the tenant",
        file="store/privacy.py",
        old="            of_theirs = (columns.tenant == owned.tenant) & (columns.actor == owned.actor)\n",
        new="            of_theirs = columns.tenant == owned.tenant\n",
        tests=(ERASED,),
    ),
    Seeded(
        name="checkpoints-not-erased",
        breaks="the state of a run goes with its task",
        file="store/privacy.py",
        old='    "checkpoints": _decision(Link.THREAD, is_exported=False),\n',
        new='    "checkpoints": _decision(Link.NOBODY, is_exported=False),\n',
        tests=(ERASED, PRIVACY + "test_each_table_has_its_decision"),
    ),
    Seeded(
        name="first-event-erased-ahead",
        breaks="what says whose a task is goes with the task, so that a killed erasure finds it again",
        file="store/erasure.py",
        old='name != "agent_messages" else schema.agent_messages.c.seq > 1\n',
        new='name != "agent_messages" else schema.agent_messages.c.seq > 0\n',
        tests=(RESUMED,),
    ),
    Seeded(
        name="keys-erased-ahead",
        breaks="the key by which a schedule made a task goes with the task",
        file="store/erasure.py",
        old='AHEAD = tuple(name for name in CHILDREN if name != "idempotency_keys")\n',
        new="AHEAD = CHILDREN\n",
        tests=(RESUMED,),
    ),
    Seeded(
        name="tasks-erased-ahead",
        breaks="a task, which says whose it is, goes after what hangs on it, so that a killed erasure finds it again",
        file="service/privacy.py",
        old="                for name in erasure.AHEAD:\n",
        new='                for name in ("tasks", *erasure.AHEAD):\n',
        tests=(RESUMED,),
    ),
    Seeded(
        name="made-by-nobody",
        breaks="a task says who submitted it",
        file="store/submissions.py",
        old='        "created_by": actor,\n',
        new="",
        tests=(MADE,),
    ),
    Seeded(
        name="made-by-who-asked",
        breaks="a schedule's task belongs to whoever made the schedule",
        file="store/schedules.py",
        old="actor=row.created_by or firing_of(row.id)",
        new="actor=store.scope.actor",
        tests=(MADE,),
    ),
    Seeded(
        name="named-by-the-log-alone",
        breaks="a task that names somebody else is not theirs, whatever the audit log says",
        file="store/belongings.py",
        old=" for task_id in told - _naming_somebody(store, told) if",
        new=" for task_id in told if",
        tests=(PRIVACY + "test_what_somebody_else_submitted_before_or_planned_is_not_theirs",),
    ),
    Seeded(
        name="shared-content-removed",
        breaks="content that somebody else's row names stays",
        file="service/privacy.py",
        old="            digests -= await self._database.read(SYSTEM_SCOPE, privacy.shared_digests, some)\n",
        new="            await self._database.read(SYSTEM_SCOPE, privacy.shared_digests, some)\n",
        tests=(ERASED,),
    ),
    Seeded(
        name="young-content-removed",
        breaks="beside a server content that may be an upload under way stays",
        file="service/privacy.py",
        old="_AllBut(digests), min_age_s=MIN_AGE_S)",
        new="_AllBut(digests), min_age_s=-1.0)",
        tests=(PRIVACY + "test_content_that_may_be_an_upload_under_way_is_left_to_the_servers_collection",),
    ),
    Seeded(
        name="work-erased-under-its-worker",
        breaks="a task that a worker is at is not erased",
        file="store/erasure.py",
        old="        if task.status is TaskStatus.IN_PROGRESS and task.id in held and not is_alone:\n",
        new="        if task.status is TaskStatus.IN_PROGRESS and task.id not in held and not is_alone:\n",
        tests=(PRIVACY + "test_a_worker_that_does_not_stop_keeps_its_task_from_being_erased",),
    ),
    Seeded(
        name="late-requests-kept",
        breaks="what a server still took from somebody while they were shut out goes too",
        file="service/privacy.py",
        old="                owned = await self._owned(subject)  # what came until now is theirs too\n",
        new="",
        tests=(PRIVACY + "test_what_a_server_still_took_from_them_while_they_were_shut_out_goes_too",),
    ),
    Seeded(
        name="made-meanwhile-kept",
        breaks="what is made for somebody while they are erased goes too",
        file="service/privacy.py",
        old="                if not left:\n                    break\n",
        new="                break\n",
        tests=(PRIVACY + "test_what_is_made_for_them_during_an_erasure_goes_too",),
    ),
    Seeded(
        name="hash-handed-out",
        breaks="no archive shows a hash of a password or key",
        file="store/privacy.py",
        old='    "users": _decision(Link.ACCOUNT, "password_hash", "generation"),\n',
        new='    "users": _decision(Link.ACCOUNT, "generation"),\n',
        tests=(ARCHIVE,),
    ),
    Seeded(
        name="name-left-with-others",
        breaks="a person's name leaves the history of others' tasks",
        file="store/erasure.py",
        old='        if row.data.get("by") == owned.actor\n',
        new='        if row.data.get("by") == owned.tenant\n',
        tests=(PRIVACY + "test_a_person_leaves_the_history_of_others_tasks",),
    ),
)
