"""Errors named for the fact, each with a stable code and an HTTP status.

A `Fault` carries a code and parameters, never a finished sentence: the i18n catalogue holds
`error.<CODE>.title` and `error.<CODE>.detail` in zh and en. Codes are part of the API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Fault(Exception):
    """Something the caller can understand and act on.

    Args:
        params: values for the localised sentence.
        errors: field errors, each `{"field", "code", "message"}`.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, *, errors: Sequence[Mapping[str, Any]] = (), **params: Any) -> None:
        self.params = params
        self.errors = tuple(errors)
        super().__init__(f"{self.code} {params}" if params else self.code)


class InvalidRequest(Fault):
    code, status = "INVALID_REQUEST", 422


class TaskNotFound(Fault):
    code, status = "TASK_NOT_FOUND", 404


class ArtifactNotFound(Fault):
    code, status = "ARTIFACT_NOT_FOUND", 404


class AgentNotFound(Fault):
    code, status = "AGENT_NOT_FOUND", 404


class QuestionNotFound(Fault):
    code, status = "QUESTION_NOT_FOUND", 404


class TeamUnknown(Fault):
    code, status = "TEAM_UNKNOWN", 422


class ModelRequired(Fault):
    code, status = "MODEL_REQUIRED", 422


class IllegalTransition(Fault):
    code, status = "ILLEGAL_TRANSITION", 409


class IdempotencyConflict(Fault):
    code, status = "IDEMPOTENCY_CONFLICT", 409


class AlreadyAnswered(Fault):
    code, status = "ALREADY_ANSWERED", 409


class EventsGone(Fault):
    code, status = "EVENTS_GONE", 410


class InputTooLarge(Fault):
    code, status = "INPUT_TOO_LARGE", 413


class InputUnreadable(Fault):
    """A file that cannot be what its name says, or that no agent can read."""

    code, status = "INPUT_UNREADABLE", 422


class InputUnsafe(Fault):
    """A file name or archive that would harm: traversal, bombs, links."""

    code, status = "INPUT_UNSAFE", 422


class QueueFull(Fault):
    code, status = "QUEUE_FULL", 429


class TooManyMessages(Fault):
    """One person said more within a minute than the chat takes."""

    code, status = "TOO_MANY_MESSAGES", 429


class DependencyUnavailable(Fault):
    code, status = "DEPENDENCY_UNAVAILABLE", 503


class CommitInDoubt(DependencyUnavailable):
    """The database died before it said whether it had committed; it may have."""

    code = "COMMIT_IN_DOUBT"


class DataRefused(Fault):
    """The database accepts no such value: it would break a rule of the schema."""

    code, status = "DATA_REFUSED", 422


class Draining(Fault):
    code, status = "DRAINING", 503


class DataDirectoryInUse(Fault):
    code, status = "DATA_DIRECTORY_IN_USE", 503


class SettingsUnsafe(Fault):
    code, status = "SETTINGS_UNSAFE", 500


class LimitExceeded(Fault):
    """A limit of the plan or the run was reached: subtasks, depth, size, time."""

    code, status = "LIMIT_EXCEEDED", 422


class BudgetExceeded(Fault):
    code, status = "BUDGET_EXCEEDED", 402


class QuotaExceeded(BudgetExceeded):
    """The tenant has as many tasks as it may. `retry_after_s` says when to come again."""

    code, status = "QUOTA_EXCEEDED", 429


class DayQuotaExceeded(QuotaExceeded):
    """The tenant has spent its day. To an agent that asks a model this is what a used up budget is."""

    code = "DAY_QUOTA_EXCEEDED"


class ModelUnavailable(Fault):
    """The model gave no usable answer within its deadline, retries and fallbacks included."""

    code, status = "MODEL_UNAVAILABLE", 502


class ModelAnswerInvalid(Fault):
    """The model's answer did not fit the schema, also after one repair."""

    code, status = "MODEL_ANSWER_INVALID", 502


class SkillFailed(Fault):
    """A child process that worked on a file failed, was killed, or overran its limits."""

    code, status = "SKILL_FAILED", 422


class PlanInvalid(Fault):
    code, status = "PLAN_INVALID", 500


class LeaseLost(Fault):
    """The run's epoch is no longer the task's: somebody else owns it, or nobody does."""

    code, status = "LEASE_LOST", 409


class ReplayDiverged(Fault):
    """A journalled step was asked for again with other inputs."""

    code, status = "REPLAY_DIVERGED", 500


class QualityCheckFailed(Fault):
    code, status = "QUALITY_CHECK_FAILED", 422


class SubtaskFailed(Fault):
    code, status = "SUBTASK_FAILED", 500


class WorkflowTimeout(Fault):
    code, status = "WORKFLOW_TIMEOUT", 504


class PoisonTask(Fault):
    """The task crashed its process five times running alone."""

    code, status = "POISON_TASK", 500


class AuthenticationRequired(Fault):
    """No credential, or one that is not valid, not any more, or not here."""

    code, status = "AUTHENTICATION_REQUIRED", 401


class LoginRefused(Fault):
    """Name and password do not fit; never which of the two."""

    code, status = "LOGIN_REFUSED", 401


class NotAUser(Fault):
    """Who asks came with a key, a token or nothing: they have neither a password nor log-ins here."""

    code, status = "NOT_A_USER", 409


class PermissionDenied(Fault):
    code, status = "PERMISSION_DENIED", 403


class CrossSiteRequest(Fault):
    """A change by a browser's session that does not show that it comes from our own pages."""

    code, status = "CROSS_SITE_REQUEST", 403


class KeyNotFound(Fault):
    code, status = "KEY_NOT_FOUND", 404


class UserNotFound(Fault):
    code, status = "USER_NOT_FOUND", 404


class NameTaken(Fault):
    code, status = "NAME_TAKEN", 409


class LastAdmin(Fault):
    """The change would leave a tenant without anybody who may give rights."""

    code, status = "LAST_ADMIN", 409


class TooManyRequests(Fault):
    """`retry_after_s` says when to come again."""

    code, status = "TOO_MANY_REQUESTS", 429


class ImportUnderWay(Fault):
    """Another import is being written, one that takes long; nothing of this one was."""

    code, status = "IMPORT_UNDER_WAY", 409


class OutgoingOff(Fault):
    """The operator has not allowed requests to other machines."""

    code, status = "OUTGOING_OFF", 403


class OutgoingRefused(Fault):
    """An address that must not be asked: `reason` says why, `host` which one, as far as it could be read."""

    code, status = "OUTGOING_REFUSED", 422


class OutgoingFailed(Fault):
    """The other side could not be reached or did not keep to HTTP; `reason` and `host`."""

    code, status = "OUTGOING_FAILED", 502


class OutgoingTooLarge(Fault):
    """The answer is larger than `limit` bytes, unpacked."""

    code, status = "OUTGOING_TOO_LARGE", 422


class PageUnreadable(Fault):
    """The page came, but there is no text to be had of it; `reason` and `host`."""

    code, status = "PAGE_UNREADABLE", 422
