"""What went wrong, in words: every code with a title, a detail and a hint.

Hides that several layers raise one code with different parameters: `describe` fills what a
fault brought, leaves out what it did not, and never fails. API and CLI call it; both show the
same words. `error.reason.<reason>` says a reason code in words, `error.field.<code>` what is
wrong with one field of a request, `error.limit.<limit>` which limit was reached, `error.action.<action>`
and `error.status.<status>` what cannot be done with a task in which state.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from langgraph_multi_agent.i18n import catalogue

MAX_VALUE_CHARS = 300
UNKNOWN = "INTERNAL_ERROR"
_ALIASES = {
    "file": ("name", "artifact"),
    "size": ("size_bytes", "actual", "columns", "cells", "bytes", "ratio"),
    "limit": ("max_bytes", "max_columns", "max_cells", "max_ratio", "maximum", "seconds"),
}
"""Other names under which layers bring the same value."""
_UNITS = {
    "columns": {"zh": "列", "en": "columns"},
    "cells": {"zh": "个单元格", "en": "cells"},
    "bytes": {"zh": "字节", "en": "bytes"},
    "size_bytes": {"zh": "字节", "en": "bytes"},
    "seconds": {"zh": "秒", "en": "s"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """An error for people. `hint` says what to do next; it may be empty."""

    title: str
    detail: str
    hint: str


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def describe(
    code: str, params: Mapping[str, Any], language: str, *, errors: Sequence[Mapping[str, Any]] = ()
) -> ErrorText:
    """The words for an error code.

    Args:
        code: of a `Fault` or of a task's `error`; an unknown one is shown as it is.
        params: what the fault brought; missing values are left out of the sentence.
        language: `zh` or `en`.
        errors: field errors; they tell more than the general sentence and become the detail.
    """
    texts = catalogue()
    known = code if f"error.{code}.title" in texts else UNKNOWN
    values = _values(params, language)
    title = _filled(f"error.{known}.title", language, values)
    if known != code:
        title = f"{title} ({code})"
    setting_reason = f"settings.reason.{params.get('reason')}"
    if errors:
        detail = "; ".join(field_sentence(item, language) for item in errors)[: 4 * MAX_VALUE_CHARS]
    elif code == "SETTINGS_UNSAFE" and setting_reason in texts:
        detail = _filled(setting_reason, language, _Values({**values, "reason": ""}))
    else:
        detail = _filled(f"error.{known}.detail", language, values)
    return ErrorText(title=title, detail=detail, hint=_hint(f"error.{known}.hint", language, values))


def _hint(key: str, language: str, values: _Values) -> str:
    """A hint whose values are not known helps nobody."""
    template = catalogue().get(key, {}).get(language, "")
    needed = {name for _, name, _, _ in Formatter().parse(template) if name}
    return _filled(key, language, values) if template and all(values[name] for name in needed) else ""


def field_message(item: Mapping[str, Any], language: str) -> str:
    """What is wrong with one field, as a sentence without the field's name."""
    code = str(item.get("code", "invalid"))
    key = f"error.field.{code}"
    if key not in catalogue():
        return str(item.get("message") or code)
    return _filled(key, language, _values({k: v for k, v in item.items() if k != "message"}, language))


def field_sentence(item: Mapping[str, Any], language: str) -> str:
    """The field and what is wrong with it."""
    message = field_message(item, language)
    return f"{item['field']}: {message}" if item.get("field") else message


def _filled(key: str, language: str, values: _Values) -> str:
    entry = catalogue()[key]
    sentence = entry.get(language, entry["zh"]).format_map(values)
    sentence = re.sub(
        r"(?<=[（(])\s*[，,]\s*(?:上限|limit)?\s*|[，,]\s*(?:上限|limit)\s*(?=[)）])", "", sentence
    )
    sentence = re.sub(r"\s*[（(]\s*[)）]|“”", "", sentence)
    sentence = re.sub(r"[：:]\s*(?=[。.]?$)|[：:]\s*(?=[。.] )", "", sentence)
    return re.sub(r" +(?=[,.;:])", "", re.sub(r" {2,}", " ", sentence)).strip()


def _values(params: Mapping[str, Any], language: str) -> _Values:
    values = _Values({key: _shown(value) for key, value in params.items() if value is not None})
    if isinstance(params.get("limit"), str):
        values["what"] = values.pop("limit")
    for name, others in _ALIASES.items():
        for other in others:
            if name not in values and other in values:
                values[name] = _counted(values[other], other, language)
    if known := [word for word in values.get("allowed", "").split(", ") if f"error.action.{word}" in catalogue()]:
        separator = "、" if language == "zh" else ", "
        values["allowed"] = separator.join(_filled(f"error.action.{word}", language, _Values()) for word in known)
    for name, area in (
        ("reason", "error.reason"),
        ("what", "error.limit"),
        ("action", "error.action"),
        ("status", "error.status"),
    ):
        key = f"{area}.{values.get(name, '')}"
        if key in catalogue():
            values[name] = _filled(key, language, _Values({**values, name: ""}))
    return values


def _counted(value: str, name: str, language: str) -> str:
    """A count with its thousands and what is counted, as far as its name tells."""
    number = f"{int(value):,}" if value.isdecimal() else value
    unit = _UNITS.get(name.removeprefix("max_"), {}).get(language, "")
    return f"{number} {unit}".rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, str):
        shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
    elif isinstance(value, Mapping):
        shown = ", ".join(map(str, value))
    elif isinstance(value, Iterable):
        shown = ", ".join(map(_shown, value))
    elif isinstance(value, float) and value.is_integer():
        shown = f"{value:.0f}"
    else:
        shown = str(value)
    return shown if len(shown) <= MAX_VALUE_CHARS else shown[:MAX_VALUE_CHARS] + "…"


def error_texts(code: str, zh: tuple[str, str, str], en: tuple[str, str, str]) -> dict[str, dict[str, str]]:
    """Title, detail and hint of one error code."""
    parts = zip(("title", "detail", "hint"), zh, en, strict=True)
    return {f"error.{code}.{part}": {"zh": z, "en": e} for part, z, e in parts}


def _words(area: str, words: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"error.{area}.{code}": {"zh": zh, "en": en} for code, (zh, en) in words.items()}


TEXTS: dict[str, dict[str, str]] = {
    **error_texts(
        "INTERNAL_ERROR",
        (
            "系统内部错误",
            "程序遇到了没有预料到的情况。",
            "请稍后重试；如果仍然出现，请把请求编号交给运维人员，日志里有同一个编号。",
        ),
        (
            "Internal error",
            "The program met a situation it did not expect.",
            "Try again later; if it stays, give the operators the request id: the log has the same one.",
        ),
    ),
    **error_texts(
        "INVALID_REQUEST",
        ("请求无效", "请求的内容不能接受：{field} {reason}", "请按 errors 中列出的字段逐项修改后重新提交。"),
        (
            "Invalid request",
            "The request cannot be accepted: {field} {reason}",
            "Correct each field named in errors and send it again.",
        ),
    ),
    **error_texts(
        "TASK_NOT_FOUND",
        ("任务不存在", "没有编号为“{task}”的任务，或者它已被删除。", "请用任务列表确认编号。"),
        (
            "No such task",
            "There is no task “{task}”, or it was deleted.",
            "Look up the id in the list of tasks.",
        ),
    ),
    **error_texts(
        "ARTIFACT_NOT_FOUND",
        (
            "文件不存在",
            "这个任务没有名为“{file}”的文件。",
            "请先列出任务的文件；文件要到生成它的子任务完成后才会出现。",
        ),
        (
            "No such file",
            "The task has no file “{file}”.",
            "List the task's files first; a file appears when the subtask that makes it is done.",
        ),
    ),
    **error_texts(
        "AGENT_NOT_FOUND",
        (
            "智能体不存在",
            "没有任何团队登记了名为“{agent}”的智能体。",
            "用 GET /api/v1/system/agents/status 查看已登记的智能体。",
        ),
        (
            "No such agent",
            "No team has an agent “{agent}”.",
            "GET /api/v1/system/agents/status lists the registered ones.",
        ),
    ),
    **error_texts(
        "QUESTION_NOT_FOUND",
        (
            "问题不存在",
            "任务“{task}”没有提出过问题“{question}”。",
            "用 GET /api/v1/tasks/<id>/questions 查看等待回答的问题。",
        ),
        (
            "No such question",
            "The task “{task}” never asked the question “{question}”.",
            "GET /api/v1/tasks/<id>/questions lists the open ones.",
        ),
    ),
    **error_texts(
        "TEAM_UNKNOWN",
        ("团队不存在", "没有名为“{team}”的团队。已有：{teams}", "请改用已有的团队，或先登记这个团队。"),
        (
            "No such team",
            "There is no team “{team}”. Known: {teams}",
            "Name one of these, or register the team first.",
        ),
    ),
    **error_texts(
        "MODEL_REQUIRED",
        (
            "需要语言模型",
            "这个请求需要语言模型，但系统没有配置：{reason}",
            "请设置 {settings}；或者附上数据文件、文档，改为可以离线完成的分析。",
        ),
        (
            "A language model is required",
            "This request needs a language model and none is configured: {reason}",
            "Set {settings}; or attach data or documents and ask for an analysis that works offline.",
        ),
    ),
    **error_texts(
        "ILLEGAL_TRANSITION",
        ("当前状态不允许这个操作", "任务现在是“{status}”，不能执行“{action}”。", "现在可以执行：{allowed}"),
        (
            "Not possible in this status",
            "The task is {status}; “{action}” is not possible.",
            "Possible now: {allowed}",
        ),
    ),
    **error_texts(
        "IDEMPOTENCY_CONFLICT",
        (
            "幂等键已用于另一个请求",
            "幂等键“{key}”已经用来提交任务 {task}，而那次的内容与这次不同。",
            "新的请求请换一个幂等键；重复提交同一请求时，内容必须一字不差。",
        ),
        (
            "Idempotency key already used",
            "The key “{key}” made the task {task} from another body.",
            "Use a new key for a new request; a repeated one must be exactly the same.",
        ),
    ),
    **error_texts(
        "ALREADY_ANSWERED",
        (
            "这个问题已经回答过",
            "任务“{task}”的问题“{question}”已有回答，回答不能更改。",
            "刷新任务，查看还有哪些问题在等待回答。",
        ),
        (
            "Already answered",
            "The question “{question}” of task “{task}” has its answer, which cannot change.",
            "Reload the task to see which questions are still open.",
        ),
    ),
    **error_texts(
        "EVENTS_GONE",
        (
            "较早的事件已经清理",
            "任务“{task}”在第 {after} 号之后的事件已超过保留期，现存最早的是第 {oldest} 号。",
            "请重新读取任务和计划，再从现存最早的事件继续。",
        ),
        (
            "Older events are gone",
            "Retention removed events of task “{task}” after number {after}; the oldest kept is {oldest}.",
            "Read the task and its plan again, then go on from the oldest event.",
        ),
    ),
    **error_texts(
        "INPUT_TOO_LARGE",
        (
            "内容过大",
            "输入“{file}”超过了允许的大小（{size}，上限 {limit}）。",
            "请减小内容、拆成多个文件，或由管理员调高对应的上限。",
        ),
        (
            "Too large",
            "The input “{file}” is larger than allowed ({size}, limit {limit}).",
            "Make it smaller, split it, or have an administrator raise the limit.",
        ),
    ),
    **error_texts(
        "INPUT_UNREADABLE",
        (
            "文件无法读取",
            "无法读取输入“{file}”：{reason}",
            "请检查文件内容与扩展名是否一致，必要时另存为 UTF-8 的 CSV，再重新提交。",
        ),
        (
            "The file cannot be read",
            "The input “{file}” cannot be read: {reason}",
            "Check that the content is what the name says, perhaps save it as CSV in UTF-8, and send it again.",
        ),
    ),
    **error_texts(
        "INPUT_UNSAFE",
        (
            "文件不安全",
            "为安全起见拒绝了输入“{file}”：{reason}",
            "文件名请只用普通名称，压缩内容请先解开；确认来源可靠后重新提交。",
        ),
        (
            "Unsafe file",
            "The input “{file}” was refused for safety: {reason}",
            "Give it a plain name, unpack what is packed, make sure where it comes from, and send it again.",
        ),
    ),
    **error_texts(
        "QUEUE_FULL",
        (
            "排队任务已满",
            "等待中的任务已达到上限 {limit}，这次没有接收。",
            "请过几秒再试一次；程序请等 Retry-After 给出的秒数。",
        ),
        (
            "The queue is full",
            "{limit} tasks are waiting, which is the limit; this one was not accepted.",
            "Try again in some seconds; a program waits as long as Retry-After says.",
        ),
    ),
    **error_texts(
        "COMMIT_IN_DOUBT",
        (
            "不确定是否已写入",
            "{dependency} 在确认提交之前断开了连接，本次写入可能已经生效",
            "先查看任务列表再决定；带着相同的 Idempotency-Key 重试不会产生重复的任务。",
        ),
        (
            "Not known whether it was written",
            "The {dependency} went away before it confirmed the commit; the change may have taken effect",
            "Look at the task list before you repeat it; a retry with the same Idempotency-Key makes no second task.",
        ),
    ),
    **error_texts(
        "DATA_REFUSED",
        (
            "数据库拒绝了该数据",
            "写入的值违反了数据库规则：{reason}",
            "什么都没有写入。请检查提交的内容；如果内容正常，请把请求编号发给管理员。",
        ),
        (
            "The database refused this data",
            "A value breaks a rule of the database: {reason}",
            "Nothing was written. Check what you sent; if it looks right, give the request id to your operator.",
        ),
    ),
    **error_texts(
        "DEPENDENCY_UNAVAILABLE",
        (
            "依赖的服务不可用",
            "暂时无法使用 {dependency}：{reason}",
            "没有写入任何内容。请稍后重试；如果持续出现，请检查 {dependency}。",
        ),
        (
            "A dependency is unavailable",
            "{dependency} cannot be used at the moment: {reason}",
            "Nothing was written. Try again later; if it stays, check {dependency}.",
        ),
    ),
    **error_texts(
        "DRAINING",
        (
            "服务正在停止接收任务",
            "服务正在维护或即将停止，不再接收新任务。",
            "已接收的任务不会丢失。请过几秒再试一次；程序请等 Retry-After 给出的秒数。",
        ),
        (
            "The service takes no new work",
            "The service is in maintenance or about to stop and takes no new tasks.",
            "Nothing accepted is lost. Try again in some seconds; a program waits as long as Retry-After says.",
        ),
    ),
    **error_texts(
        "DATA_DIRECTORY_IN_USE",
        (
            "数据目录正在使用",
            "另一个进程正在使用数据目录 {directory}（{address}）。",
            "请连接到那个服务，或者换一个数据目录。",
        ),
        (
            "The data directory is in use",
            "Another process uses the data directory {directory} ({address}).",
            "Attach to that server, or choose another data directory.",
        ),
    ),
    **error_texts(
        "SETTINGS_UNSAFE",
        ("设置有误", "设置 {setting} 不能使用：{reason} {detail}", "改正这个设置后重新启动。"),
        (
            "A setting is refused",
            "The setting {setting} cannot be used: {reason} {detail}",
            "Correct it and start again.",
        ),
    ),
    **error_texts(
        "LIMIT_EXCEEDED",
        (
            "超过限制",
            "达到了限制：{what}（{size}，上限 {limit}）。{file}",
            "请缩小任务或输入，或由管理员调高对应的设置。",
        ),
        (
            "A limit was reached",
            "The limit was reached: {what} ({size}, limit {limit}). {file}",
            "Make the task or its input smaller, or have an administrator raise the setting.",
        ),
    ),
    **error_texts(
        "BUDGET_EXCEEDED",
        (
            "预算已用完",
            "这一步需要 {wanted}，已用 {spent}，预算是 {limit}（{what}）。",
            "提高任务的预算后重试，已完成的子任务不会重做。",
        ),
        (
            "The budget is used up",
            "This step wants {wanted}; {spent} of {limit} ({what}) is spent.",
            "Raise the task's budget and retry; finished subtasks are kept.",
        ),
    ),
    **error_texts(
        "MODEL_UNAVAILABLE",
        (
            "语言模型没有应答",
            "在期限内，重试和备用模型都没有得到可用的回答：{model} {reason}",
            "请检查模型服务的地址、密钥与额度，然后重试任务。",
        ),
        (
            "The language model gave no answer",
            "Retries and the fallback brought no usable answer in time: {model} {reason}",
            "Check the model's address, key and quota, then retry the task.",
        ),
    ),
    **error_texts(
        "MODEL_ANSWER_INVALID",
        (
            "语言模型的回答不合格式",
            "要求改正一次之后，回答仍不符合规定的结构：{model} {reason} {detail}",
            "请重试任务，或换一个结构化输出更可靠的模型。",
        ),
        (
            "The model's answer does not fit",
            "The answer did not have the required structure, also after one repair: {model} {reason} {detail}",
            "Retry the task, or choose a model with more reliable structured output.",
        ),
    ),
    **error_texts(
        "SKILL_FAILED",
        (
            "分析程序失败",
            "分析程序“{skill}”没有完成：{reason} {detail}",
            "请检查输入文件；如果文件没有问题，请把任务编号交给运维人员。",
        ),
        (
            "An analysis failed",
            "The skill “{skill}” did not finish: {reason} {detail}",
            "Check the input file; if it is sound, give the operators the task id.",
        ),
    ),
    **error_texts(
        "PLAN_INVALID",
        (
            "计划无效",
            "制定的计划不能执行：{subtask} {reason}",
            "请把请求写得更具体，或减少同时提出的要求，然后重试。",
        ),
        (
            "The plan is not valid",
            "The plan that was made cannot be carried out: {subtask} {reason}",
            "Ask more precisely or for less at once, and retry.",
        ),
    ),
    **error_texts(
        "LEASE_LOST",
        ("任务已由别处接管", "这次运行不再拥有任务“{task}”，它的结果被丢弃。", "不用处理：任务在别处继续。"),
        (
            "The task has another owner",
            "This run no longer owns the task “{task}”; its result is dropped.",
            "Nothing to do: the task goes on elsewhere.",
        ),
    ),
    **error_texts(
        "REPLAY_DIVERGED",
        (
            "重放时输入不一致",
            "步骤“{key}”重放时的输入与记录不同。",
            "系统会作为新的尝试再做一次；如果反复出现，请把任务编号交给运维人员。",
        ),
        (
            "The replay took another path",
            "The step “{key}” was replayed with other inputs than recorded.",
            "It is tried again as a new attempt; if it keeps happening, give the operators the task id.",
        ),
    ),
    **error_texts(
        "QUALITY_CHECK_FAILED",
        (
            "结果没有通过复核",
            "修补之后仍有标准没有达到：{criteria} {reason}",
            "请查看 review.verdict 事件中的逐条结论，补充输入或放宽要求后重试。",
        ),
        (
            "The result did not pass the review",
            "Criteria are still unmet after repair: {criteria} {reason}",
            "See the verdicts in the review.verdict events; add input or ask for less, then retry.",
        ),
    ),
    **error_texts(
        "SUBTASK_FAILED",
        (
            "子任务失败",
            "子任务 {subtask} 失败（{agent}）：{reason} {tool}",
            "请查看这个子任务的事件；重试任务时，已完成的子任务会保留。",
        ),
        (
            "A subtask failed",
            "The subtask {subtask} failed ({agent}): {reason} {tool}",
            "See the subtask's events; a retry keeps what is finished.",
        ),
    ),
    **error_texts(
        "SUBTASK_TIMEOUT",
        (
            "子任务超时",
            "一个子任务工作了 {limit_s} 秒还没有结束。",
            "请把任务拆小后重试，或由管理员调高 SUBTASK_TIMEOUT；已完成的子任务会保留。",
        ),
        (
            "A subtask took too long",
            "A subtask had not ended after {limit_s} seconds of work.",
            "Ask for less and retry, or have an administrator raise SUBTASK_TIMEOUT; finished subtasks are kept.",
        ),
    ),
    **error_texts(
        "AGENT_RESET",
        (
            "智能体被重置",
            "有人重置了智能体 {agent}，它正在做的子任务因此中断。",
            "系统会让它重新做一次；如果任务已经失败，请重试任务。",
        ),
        (
            "An agent was set back",
            "Somebody set the agent {agent} back, which broke off the subtask it worked on.",
            "It is taken up again by itself; if the task has failed already, retry it.",
        ),
    ),
    **error_texts(
        "WORKFLOW_TIMEOUT",
        (
            "任务超时",
            "任务的运行时间超过了 {limit_s} 秒。",
            "缩小任务后重试，或由管理员调高 WORKFLOW_TIMEOUT；已完成的子任务会保留。",
        ),
        (
            "The task took too long",
            "The task worked for more than {limit_s} seconds.",
            "Make it smaller and retry, or have an administrator raise WORKFLOW_TIMEOUT; finished subtasks are kept.",
        ),
    ),
    **error_texts(
        "POISON_TASK",
        (
            "任务多次使进程崩溃",
            "任务单独运行时使进程崩溃了 {crashes} 次，已停止再试。",
            "请检查输入文件；要再试一次，请对任务执行“重试”。",
        ),
        (
            "The task crashed its process",
            "Running alone, the task crashed its process {crashes} times and is not tried again.",
            "Check its input; “retry” tries once more.",
        ),
    ),
    **error_texts(
        "OPERATOR_SQL",
        (
            "由运维人员设置",
            "运维人员直接在数据库中记录了这个结果：{detail}",
            "要继续这个任务，请对它执行“重试”。",
        ),
        (
            "Set by an operator",
            "An operator wrote this into the database: {detail}",
            "“Retry” takes the task up again.",
        ),
    ),
    **_words(
        "reason",
        {
            "empty": ("内容为空", "it is empty"),
            "path": ("文件名里有路径", "the name holds a path"),
            "unprintable": ("文件名里有不可见字符", "the name holds unprintable characters"),
            "too_long": ("文件名太长", "the name is too long"),
            "binary": ("内容是二进制数据，不是文本", "the content is binary, not text"),
            "encoding": ("文字编码无法识别", "its text encoding cannot be recognised"),
            "header_only": ("只有表头，没有数据", "it has a header but no data"),
            "quote": ("第 {line} 行的引号没有配对", "a quote in line {line} is never closed"),
            "ragged_row": (
                "第 {line} 行有 {found} 列，应为 {expected} 列",
                "line {line} has {found} columns instead of {expected}",
            ),
            "row": ("第 {line} 行无法解析：{detail}", "line {line} cannot be parsed: {detail}"),
            "format": ("不支持这种格式 {suffix}", "the format {suffix} is not supported"),
            "json": ("JSON 无法解析：{detail}", "the JSON cannot be parsed: {detail}"),
            "parquet": ("Parquet 无法读取：{detail}", "the Parquet file cannot be read: {detail}"),
            "missing": ("找不到这个文件", "the file is missing"),
            "not_a_workbook": ("不是有效的 XLSX 工作簿", "it is not an XLSX workbook"),
            "not_docx": ("不是有效的 DOCX 文档", "it is not a DOCX document"),
            "not_pdf": ("不是有效的 PDF 文档", "it is not a PDF document"),
            "broken_pdf": ("PDF 已损坏", "the PDF is broken"),
            "broken_archive": ("压缩结构已损坏", "its archive is broken"),
            "encrypted": ("文件已加密", "it is encrypted"),
            "no_text": ("里面没有可以读取的文字", "there is no text to read in it"),
            "unsupported": ("不支持这种文件", "this kind of file is not supported"),
            "unsupported_kind": (
                "不支持这种文件，支持：{supported}",
                "this kind of file is not supported; supported are {supported}",
            ),
            "too_many_members": ("压缩包内的文件过多", "its archive has too many members"),
            "unpacked_too_large": ("解压之后过大", "it is too large unpacked"),
            "unpacked_size": ("解压之后过大", "it is too large unpacked"),
            "unpacked_ratio": ("压缩比异常，疑似压缩炸弹", "its compression ratio is that of a zip bomb"),
            "compression_ratio": ("压缩比异常，疑似压缩炸弹", "its compression ratio is that of a zip bomb"),
            "path_traversal": ("压缩包内有越界的路径", "its archive holds paths that lead outside"),
            "special_member": ("压缩包内有链接或设备文件", "its archive holds links or devices"),
            "duplicate_member": ("压缩包内有重名的文件", "its archive holds two members of one name"),
            "overlapping_members": ("压缩包内的文件互相重叠", "the members of its archive overlap"),
            "xml_entities": ("包含 XML 实体声明", "it declares XML entities"),
            "unknown_skill": ("没有这个分析程序", "there is no such skill"),
            "killed": ("进程被系统终止", "its process was killed"),
            "crashed": ("进程崩溃", "its process crashed"),
            "error": ("运行出错", "it raised an error"),
            "nothing_to_work_on": ("没有可用的数据文件或文档", "there are no data or documents to work on"),
            "iso_date": ("不是 ISO-8601 日期", "it is not an ISO-8601 date"),
        },
    ),
    **_words(
        "limit",
        {
            "time": ("运行时间", "run time"),
            "memory": ("内存", "memory"),
            "answer": ("结果大小", "size of the answer"),
            "document_bytes": ("文档大小（字节）", "document size in bytes"),
            "document_pages": ("文档页数", "pages of the document"),
            "max_subtasks": ("子任务数量", "number of subtasks"),
        },
    ),
    **_words(
        "field",
        {
            "missing": ("缺少这个字段", "is missing"),
            "empty": ("不能为空", "must not be empty"),
            "too_long": ("太长，最多 {limit} 个字符", "is too long: at most {limit} characters"),
            "too_many": ("太多，最多 {limit} 个", "too many: at most {limit}"),
            "too_few": ("太少，至少 {limit} 个", "too few: at least {limit}"),
            "too_deep": ("嵌套太深，最多 {limit} 层", "is nested too deeply: at most {limit} levels"),
            "too_large": ("太大，最多 {limit} 字节", "is too large: at most {limit} bytes"),
            "name_used_twice": ("文件名重复", "two files have the same name"),
            "given_twice": ("只能给出一次", "may be given only once"),
            "negative": ("不能是负数", "must not be negative"),
            "below_minimum": ("不能小于 {limit}", "must be at least {limit}"),
            "above_maximum": ("不能大于 {limit}", "must be at most {limit}"),
            "wrong_type": ("类型不对，应为 {expected}", "has the wrong type; expected {expected}"),
            "not_allowed": ("只能是其中之一：{allowed}", "must be one of {allowed}"),
            "not_a_date": (
                "不是日期，应为 YYYY-MM-DD 或 ISO-8601 时间",
                "is no date: YYYY-MM-DD or an ISO-8601 time",
            ),
            "not_json": ("不是有效的 JSON", "is not valid JSON"),
            "no_body": ("请求没有内容，请发送 JSON", "the request is empty; send JSON"),
            "not_text": ("不是 UTF-8 文字", "is not text in UTF-8"),
            "control_character": ("含有不允许的控制字符", "holds a control character that is not allowed"),
            "unknown_field": ("没有这个字段", "is not a known field"),
            "invalid_answer": ("与问题不符 {options}", "does not fit the question {options}"),
            "ambiguous": (
                "有多个问题在等待回答，请指明 question_id",
                "several questions are open: name the question_id",
            ),
            "nothing_to_answer": ("没有等待回答的问题", "no question is open"),
            "invalid": ("无效", "is not valid"),
        },
    ),
}
