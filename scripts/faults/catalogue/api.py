"""Faults of the service and the API: admission, control, streams, files, origins."""

from scripts.faults.seeded import Seeded

TASKS = "tests/contract/test_api_tasks.py::"
FILES = "tests/contract/test_api_files.py::"
EVENTS = "tests/contract/test_api_events.py::"
FRAMES = "tests/contract/test_ws_frames.py::"
SYSTEM = "tests/contract/test_api_system.py::"

FAULTS = (
    Seeded(
        name="cancel-answers-too-early",
        breaks="the answer to a cancel waits until the work has stopped",
        file="service/tasks.py",
        old="            while task.status is TaskStatus.IN_PROGRESS and (left",
        new="            while task.status is TaskStatus.PENDING and (left",
        tests=(TASKS + "test_cancel_answers_when_the_work_has_stopped",),
    ),
    Seeded(
        name="files-not-in-the-body-hash",
        breaks="the same key with other files is a conflict",
        file="service/tasks.py",
        old='    body["priority"] = int(draft.priority)\n',
        new='    body["priority"] = int(draft.priority)\n    del body["files"]\n',
        tests=(FILES + "test_the_same_key_knows_the_same_files",),
    ),
    Seeded(
        name="path-in-a-file-name",
        breaks="a file name is one plain name",
        file="service/tasks.py",
        old='        "path": "/" in name or',
        new='        "path": name == "/" or',
        tests=(FILES + "test_a_file_name_that_is_no_plain_name_is_refused",),
    ),
    Seeded(
        name="team-not-asked",
        breaks="what the team refuses leaves no task",
        file="service/tasks.py",
        old="        team.meta_agent.admit(draft, has_model=self._has_model)\n",
        new="        assert team\n",
        tests=(TASKS + "test_what_the_team_refuses_leaves_no_task",),
    ),
    Seeded(
        name="draining-still-accepts",
        breaks="a process that goes down takes no new task",
        file="service/tasks.py",
        old="        if self.is_draining:\n            raise Draining\n        self.admit(draft)\n",
        new="        self.admit(draft)\n",
        tests=("tests/integration/worker/test_slots_and_drain.py::test_while_draining_nothing_new_is_accepted",),
    ),
    Seeded(
        name="resume-repeats-an-event",
        breaks="a client that comes back sees every event once",
        file="store/histories.py",
        old="_MESSAGE.c.task_id == task_id, _MESSAGE.c.seq > seq)",
        new="_MESSAGE.c.task_id == task_id, _MESSAGE.c.seq >= seq)",
        tests=(EVENTS + "test_a_client_that_comes_back_sees_every_event_once_and_in_order",),
    ),
    Seeded(
        name="resume-loses-an-event",
        breaks="a client that comes back misses no event",
        file="api/v1/events.py",
        old="    known = after if last_event_id is None else last_event_id\n",
        new="    known = after if last_event_id is None else last_event_id + 1\n",
        tests=(EVENTS + "test_a_client_that_comes_back_sees_every_event_once_and_in_order",),
    ),
    Seeded(
        name="gap-in-silence",
        breaks="events that retention removed are a gap that is told",
        file="service/tasks.py",
        old="        if found and found[-1].seq != after + len(found):\n",
        new="        if found and found[-1].seq < after + len(found):\n",
        tests=(EVENTS + "test_events_that_retention_removed_are_a_gap_and_not_silence",),
    ),
    Seeded(
        name="frames-told-twice",
        breaks="over the WebSocket, too, a client that comes back sees every event once",
        file="store/histories.py",
        old="_MESSAGE.c.task_id == task_id, _MESSAGE.c.seq > seq)",
        new="_MESSAGE.c.task_id == task_id, _MESSAGE.c.seq >= seq)",
        tests=(FRAMES + "test_a_client_that_comes_back_sees_every_event_once_and_in_order",),
    ),
    Seeded(
        name="cursor-of-all-tasks-late",
        breaks="a follower of all tasks resumes at its cursor and misses nothing",
        file="store/events.py",
        old="    return _MESSAGES.c.id, position[1]\n",
        new="    return _MESSAGES.c.id, position[1] + 1\n",
        tests=(FRAMES + "test_all_tasks_are_resumed_from_the_cursor_of_the_last_frame",),
    ),
    Seeded(
        name="any-page-may-change-things",
        breaks="a foreign page cannot change anything",
        file="api/origins.py",
        old="    return from_.hostname is not None and from_.hostname == to.hostname and same_port\n",
        new="    return from_.hostname is not None and same_port\n",
        tests=(SYSTEM + "test_a_foreign_page_cannot_change_anything",),
    ),
)
