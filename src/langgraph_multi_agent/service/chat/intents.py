"""Reads what a person wants of a message, without a model.

Hides how `phrases` and `states` are weighed. Caller: `ChatService`. Invariant: pure, linear, and careful:
`WORK`, which makes a task, needs a plain order; whatever could be one is `OFFER`, which asks first; a
question, a remark or a complaint is neither.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from langgraph_multi_agent.agents.request import language_of_request, model_only_wish
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.service.chat import phrases, states

READ_CHARS = 600
"""Orders and questions begin early; what follows is material."""
MIN_OBJECT_CHARS = 2
MAX_WISH_CHARS = 200
"""A request longer than this brings its material with it."""
MIN_PLAIN_CHARS = 4
"""So much a Chinese order without “please” must say of its object."""


class Kind(StrEnum):
    """What a message is about; stored with its answer."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    GREETING = "greeting"
    THANKS = "thanks"
    ABILITIES = "abilities"
    COUNTS = "counts"
    LIST = "list"
    TASK = "task"
    AGENTS = "agents"
    QUEUE = "queue"
    HEALTH = "health"
    TROUBLE = "trouble"
    CONTROL = "control"
    WORK = "work"
    OFFER = "offer"
    QUESTION = "question"
    OTHER = "other"


STATUS_KINDS = frozenset(
    {Kind.COUNTS, Kind.LIST, Kind.TASK, Kind.AGENTS, Kind.QUEUE, Kind.HEALTH, Kind.TROUBLE}
)
"""Answered from the services, never by a model: their numbers are not to be invented."""


WHOLE = (
    (Kind.CONFIRM, phrases.CONFIRM),
    (Kind.DECLINE, phrases.DECLINE),
    (Kind.THANKS, phrases.THANKS),
    (Kind.ABILITIES, phrases.ABILITIES),
    (Kind.TROUBLE, states.TROUBLE),
    (Kind.LIST, states.RECENT),
    (Kind.TASK, states.LATEST_ALONE),
    (Kind.COUNTS, states.ALL_DONE),
)
"""Kinds that are a whole message."""
ABOUT = ((Kind.QUEUE, states.QUEUE), (Kind.AGENTS, states.AGENTS), (Kind.HEALTH, states.HEALTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was read.

    Attributes:
        status: of `LIST`; None for the newest tasks whatever their status.
        reference: of `TASK`: an id, words of a title, or empty for the newest task.
        request: of `WORK` and `OFFER`: what is to be done; empty if that was not said.
        has_period: of `COUNTS`: it asks about a day, week or month.
        is_named: of `WORK`: it says in so many words that a task is to be made.
        about: of `QUESTION`: what to look up where the handbook itself is asked, without saying so.
        title: of what is no question on the state by its words: what it asks the state of if a task is called so.
    """

    kind: Kind
    status: TaskStatus | None = None
    reference: str = ""
    request: str = ""
    has_period: bool = False
    is_named: bool = False
    about: str = ""
    title: str = ""


def read_intent(message: str) -> Intent:
    """What a message asks for."""
    intent = _read(message)
    if intent.kind in {Kind.QUESTION, Kind.OTHER, Kind.OFFER}:
        return replace(intent, title=_title(message))
    return intent


def language_of(message: str, intent: Intent, default: str) -> str:
    """The language of a message's own words: titles that it quotes or asks after do not count.

    Args:
        intent: what was read of the message.
        default: where it has no letters.
    """
    whole = language_of_request(message, default)
    own = states.QUOTED.sub(" ", message)
    for title in filter(None, (intent.reference, intent.title)):
        own = own.replace(title, " ")
    language = language_of_request(own, whole)
    if phrases.ENGLISH_FRAME.match(own) and not phrases.CHINESE_FRAME.search(own):
        return "en"
    return language


def _title(message: str) -> str:
    """What could be a task's title in “… 怎么样了”; empty if nothing could."""
    found = states.TITLE_ALONE.fullmatch(message[:READ_CHARS].strip(phrases.EDGES.translate(_NO_QUOTES)))
    if found is None:
        return ""
    title = next(group for group in found.groups() if group).strip(f" {states.QUOTES}")
    return "" if states.NO_TITLE.fullmatch(title.removesuffix("任务")) else title


_NO_QUOTES = str.maketrans("", "", states.QUOTES)


def _read(message: str) -> Intent:
    message = message.strip()
    plain = phrases.GREETED.sub("", message[:READ_CHARS]).strip()
    bare = plain.strip(phrases.EDGES).casefold()
    for kind, pattern in WHOLE:
        if pattern.fullmatch(bare):
            return Intent(kind=kind)
    if not bare:
        is_greeting = any(char.isalnum() for char in message)
        return Intent(kind=Kind.GREETING if is_greeting else Kind.OTHER)
    body = message[message.find(plain) :] if plain in message else plain
    ordered = _named_order(plain, body)
    if ordered is not None:
        return ordered
    looked_up = _looked_up(plain, body)
    if looked_up is not None:
        return looked_up
    is_to_make = phrases.MAKES.search(plain) is not None and not _is_question(plain)
    state = None if is_to_make else _state(plain)
    if state is not None:
        return state
    is_on_rules = _is_question(plain) and phrases.ASKS_RULE.search(plain) is not None
    if (
        not is_on_rules
        and not phrases.ASKS_HOW.search(plain)
        and phrases.CONTROL.search(phrases.UNPOLITE.sub("", plain))
    ):
        return Intent(kind=Kind.CONTROL, reference=_reference(plain) or "")
    return _work(plain, body)


def lacks_file(request: str) -> bool:
    """It is work on a file, such as “analyse this file”, and neither names one nor brings its text along."""
    wanted = request.strip()
    has_material = len(wanted) > MAX_WISH_CHARS or any(mark in wanted for mark in ":：\n")
    return not has_material and phrases.FILE_NOT_HERE.search(wanted) is not None


def is_complaint(message: str) -> bool:
    """It says that something does not work and asks nothing, so it speaks of this system."""
    read = message[:READ_CHARS]
    return phrases.COMPLAINT.search(read) is not None and not _is_question(read)


def _is_on_file(clause: str) -> bool:
    return phrases.ON_FILE.match(clause) is not None and phrases.COMPLAINT.search(clause) is None


def _named_order(plain: str, body: str) -> Intent | None:
    """“Create a task: …” in so many words."""
    found = phrases.NAMED_ORDER.match(plain)
    if found is None:
        return None
    rest = body[found.end() :].strip(" \t\n:：,，-—")
    is_question = _is_question(plain)
    if len(rest.strip(phrases.EDGES)) < MIN_OBJECT_CHARS or (_lacks_object(rest) and not lacks_file(rest)):
        return None if is_question else Intent(kind=Kind.OFFER)
    has_colon = found.group().rstrip().endswith((":", "："))
    is_short_form = phrases.SHORT_FORM.match(plain) is not None
    if (is_short_form and is_question) or (not has_colon and phrases.COMPLAINT.search(rest)):
        return None
    is_plain = has_colon or not is_question
    return Intent(kind=Kind.WORK if is_plain else Kind.OFFER, request=rest, is_named=is_plain)


def _looked_up(plain: str, body: str) -> Intent | None:
    """A question to the handbook by its name; work on it or by it is none."""
    if phrases.HANDBOOK.search(plain) is None:
        return None
    rest, basis, _ = _without_basis(plain)
    is_by_it = basis is not None and phrases.HANDBOOK.search(basis) is not None
    if not is_by_it and phrases.ASKS_HANDBOOK.search(plain) is None:
        return None
    if _work(plain, body).kind in {Kind.WORK, Kind.OFFER} or states.QUOTED_TASK.search(plain):
        return None
    asked = phrases.HANDBOOK_WORDS.sub("", rest if is_by_it and rest else plain).strip()
    return Intent(kind=Kind.QUESTION, about=asked or plain)


def _without_basis(plain: str) -> tuple[str, str | None, bool]:
    """A request without “please” and “according to …”; what it rests on; whether it was polite."""
    rest = phrases.UNPOLITE.sub("", plain).strip()
    is_polite = rest != plain
    found = phrases.BASIS.match(rest)
    if found is None:
        return rest, None, is_polite
    without = rest[found.end() :].strip()
    unpolite = phrases.UNPOLITE.sub("", without).strip()
    return unpolite, found.group(), is_polite or unpolite != without


def _state(plain: str) -> Intent | None:
    """A question on how things are now."""
    reference = _reference(plain)
    if reference and (states.TASK_STATE.search(plain) or states.WHY_FAILED.search(plain)):
        return Intent(kind=Kind.TASK, reference=reference)
    if phrases.ASKS_HOW.search(plain) or phrases.ASKS_RULE.search(plain) or phrases.DEFINITION.search(plain):
        return None
    if reference is not None and states.TASK_STATE.search(plain):
        return Intent(kind=Kind.TASK, reference=reference)
    named = states.NAMED_TASK.search(plain)
    if named is not None:
        words = next(group for group in named.groups() if group).strip(" “”\"'《》「」的")
        if words and not states.NO_TITLE.fullmatch(words):
            return Intent(kind=Kind.TASK, reference=words)
    for kind, pattern in ABOUT:
        if pattern.search(plain):
            return Intent(kind=kind)
    status = next((status for status, pattern in states.STATUSES if pattern.search(plain)), None)
    is_counted = states.HOW_MANY.search(plain) is not None
    if is_counted and states.PERIOD.search(plain):
        return Intent(kind=Kind.COUNTS, has_period=True)
    if status is not None and (is_counted or (states.LISTS.search(plain) and states.OF_TASKS.search(plain))):
        return Intent(kind=Kind.LIST, status=status)
    if status is not None and states.STATUS_ALONE.fullmatch(plain.strip(phrases.EDGES)):
        return Intent(kind=Kind.LIST, status=status)
    if is_counted or states.OVERVIEW.search(plain):
        return Intent(kind=Kind.COUNTS, has_period=states.PERIOD.search(plain) is not None)
    return None


def _reference(plain: str) -> str | None:
    """An id or a quoted title; empty for “the latest task”; None if no task is meant."""
    found = states.UUID.search(plain)
    if found is not None:
        return found.group().lower()
    quoted = states.QUOTED_TASK.search(plain)
    if quoted is not None:
        return next(group for group in quoted.groups() if group).strip()
    return "" if states.LATEST.search(plain) else None


def _work(plain: str, body: str) -> Intent:
    """An order, what could be one, a question, or none of these."""
    unpolite, basis, is_polite = _without_basis(plain)
    question = Intent(kind=Kind.QUESTION)
    if phrases.NOT_NOW.match(unpolite):
        return question if _is_question(plain) else Intent(kind=Kind.OTHER)
    offer = Intent(kind=Kind.OFFER, request=body.strip())
    asked = phrases.MAY_YOU.match(plain)
    if asked is not None:
        wanted = phrases.UNPOLITE.sub("", plain[asked.end() :]).strip()
        named = _named_order(wanted, body[len(plain) - len(wanted) :])
        if named is not None:
            return Intent(kind=Kind.OFFER, request=named.request)
        wanted, _, _ = _without_basis(wanted)
        is_order = _is_on_file(wanted) or (
            (_is_order(wanted) or model_only_wish(wanted)) and not phrases.ASKS_TO_KNOW.match(wanted)
        )
        return offer if is_order else question
    if _is_on_file(unpolite):
        return offer
    if phrases.ASKS_TO_KNOW.match(unpolite):
        return question
    wish = phrases.I_WANT.match(plain)
    if wish is not None:
        is_wish = _is_order(plain[wish.end() :].strip()) or phrases.DELIVERABLE.search(plain)
        return (
            offer
            if is_wish and not _is_question(plain)
            else (question if _is_question(plain) else Intent(kind=Kind.OTHER))
        )
    clause = phrases.FIRST_CLAUSE.split(unpolite, maxsplit=1)[0]
    if _lacks_object(clause):
        if basis is not None:
            return question if _is_question(plain) else offer
        if lacks_file(body) and not _is_question(plain):
            return offer
        is_named = phrases.DELIVERABLE.search(clause) or not phrases.GENERIC.match(clause)
        return Intent(kind=Kind.OFFER if is_named else Kind.QUESTION if _is_question(plain) else Kind.OTHER)
    said = phrases.BEFORE_COLON.match(clause)
    head = said.group() if said else clause
    if _is_order(clause) or model_only_wish(clause):
        if phrases.OF_TROUBLE.search(head):
            return offer
        is_remark = phrases.COMPLAINT.search(head) or (not is_polite and phrases.NOUN_USE.match(clause))
        if phrases.COMPLAINT.search(head) or (not is_polite and phrases.ASKS_WHERE.search(clause)):
            return question
        if _is_question(plain):
            return question if is_remark else offer
        if is_remark or (not is_polite and _is_short(clause)):
            return offer
        return Intent(kind=Kind.WORK, request=body.strip())
    maybe = None if phrases.HANDBOOK.search(clause) else phrases.MAYBE.match(clause)
    if maybe is not None and len(clause[maybe.end() :].strip(phrases.EDGES)) >= MIN_PLAIN_CHARS:
        return offer
    if _is_ordered_later(plain) or (phrases.MATERIAL.match(clause) and not _is_question(clause)):
        return offer
    return question if _is_question(plain) else Intent(kind=Kind.OTHER)


def _is_ordered_later(plain: str) -> bool:
    """After a preface somebody is asked to do some work: “here are my notes, please summarise them”."""
    wanted = (plain[found.end() :] for found in phrases.LATER_ORDER.finditer(plain))
    return any(phrases.DIRECT.match(rest) or _is_order(rest) for rest in wanted)


def _is_short(clause: str) -> bool:
    """Too little is said to tell an order from a remark: “find outliers”, “总结得不错”, “对比昨天好多了”."""
    if phrases.STATEMENT.search(clause):
        return True
    direct = phrases.DIRECT.match(clause)
    if direct is None:
        return False
    wanted = clause[direct.end() :].strip(phrases.EDGES)
    is_han = "\u4e00" <= clause[0] <= "\u9fff"
    return len(wanted) < MIN_PLAIN_CHARS if is_han else len(wanted.split()) == 1 and "." not in wanted


def _lacks_object(clause: str) -> bool:
    """It is an order that does not say of what: “analyse it”, “write a report”."""
    held = phrases.HELD.match(clause)
    if held is not None:
        return phrases.PRONOUN_ONLY.fullmatch(held.group(1)) is not None
    generic = phrases.GENERIC.match(clause)
    if generic is not None:
        bare = phrases.DELIVERABLE.sub("", phrases.MEASURE.sub("", clause[generic.end() :]))
        return len(bare.strip(phrases.EDGES)) < MIN_OBJECT_CHARS
    direct = phrases.DIRECT.match(clause)
    if direct is None:
        return False
    return phrases.PRONOUN_ONLY.fullmatch(clause[direct.end() :].strip(phrases.EDGES)) is not None


def _is_order(clause: str) -> bool:
    """It begins with a verb of work that has an object, or asks for something that agents make."""
    if phrases.HELD.match(clause):
        return True
    direct = phrases.DIRECT.match(clause)
    if direct is not None:
        return len(clause[direct.end() :].strip(phrases.EDGES)) >= MIN_OBJECT_CHARS
    generic = phrases.GENERIC.match(clause)
    return generic is not None and phrases.DELIVERABLE.search(clause, generic.end()) is not None


def _is_question(plain: str) -> bool:
    return phrases.QUESTION.search(plain) is not None
