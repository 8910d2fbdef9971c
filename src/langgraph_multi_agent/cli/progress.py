"""Showing a task at work on standard error: a plan that redraws in place, or plain lines.

Callers: `run`, `tasks watch`, `demo`. Invariant: nothing here writes to standard output; on
anything but a terminal there is one line an event that matters, and no control sequence.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from langgraph_multi_agent.cli.call import Call, write_error
from langgraph_multi_agent.cli.layout import cut, duration, pad, width
from langgraph_multi_agent.cli.picture import COLOURS, Node, Picture, StreamEvent, shape, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

REFRESH_PER_S = 4
AGENT_CELLS = 16
TIME_CELLS = 8
MIN_TITLE_CELLS = 16


class View(Protocol):
    """Shows one task. `update` after each event; `pause` gives the terminal to a question."""

    def start(self) -> None: ...

    def update(self, event: StreamEvent) -> None: ...

    def say(self, line: str) -> None: ...

    def pause(self) -> None: ...

    def close(self) -> None: ...


def open_view(call: Call, picture: Picture, agent_title: Callable[[str], str]) -> View:
    """The view that suits where standard error goes.

    Args:
        agent_title: an agent's name for people.
    """
    if call.verbosity < 0:
        return Silence()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return LivePlan(call, picture, agent_title)
    return PlainLines(call, picture, agent_title)


class Silence:
    """`-q`: nothing but the result."""

    def start(self) -> None:
        pass

    def update(self, event: StreamEvent) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass


class PlainLines:
    """One line an event that matters, for logs and pipes."""

    def __init__(self, call: Call, picture: Picture, agent_title: Callable[[str], str]) -> None:
        self._call, self._picture, self._title = call, picture, agent_title

    def start(self) -> None:
        write_error(
            self._call.say("cli.progress.task", title=cut(self._picture.title, 80), task=self._picture.task_id)
        )

    def update(self, event: StreamEvent) -> None:
        line = self._line(event)
        if line:
            elapsed = duration(self._picture.elapsed_s(datetime.now(UTC)))
            write_error(f"{elapsed:>7}  {line}")

    def say(self, line: str) -> None:
        write_error(line)

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _line(self, event: StreamEvent) -> str | None:
        if event.seq is None:
            return None
        call, node = self._call, self._picture.nodes.get(event.subtask_id or "")
        if event.type in ("plan.created", "plan.revised"):
            count = event.data.get("count") or len(self._picture.nodes)
            key = "cli.progress.plan" if event.type == "plan.created" else "cli.progress.repair"
            return call.say(key, revision=self._picture.revision, count=count)
        if node is not None and event.type.startswith("subtask."):
            return self._of_node(node, event)
        if event.type == "review.verdict" and "criteria" in event.data:
            return review_line(call, self._picture)
        if event.type.startswith("task.") and event.type not in ("task.submitted", "task.updated"):
            word = event.type.partition(".")[2]
            status = {"started": "in_progress", "resumed": "pending", "reopened": "pending"}.get(word, word)
            return f"{symbol(status)} {call.say(f'cli.event.{word}')}"
        return None

    def _of_node(self, node: Node, event: StreamEvent) -> str:
        took = event.data.get("duration_s")
        parts = [symbol(node.status), node.title, f"[{self._title(node.agent)}]"]
        if event.type == "subtask.retried":
            parts.append(self._call.say("cli.progress.attempt", attempt=node.attempt))
        if node.error and node.status == "failed":
            parts.append(node.error)
        if isinstance(took, (int, float)):
            parts.append(duration(took))
        return " ".join(parts)


class LivePlan:
    """The plan, redrawn in place; calm, at most four times a second."""

    def __init__(self, call: Call, picture: Picture, agent_title: Callable[[str], str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._call, self._picture, self._title = call, picture, agent_title
        self._console = Console(stderr=True, highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)
        self._new_live: Callable[[], Live] = lambda: Live(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live: Live | None = None

    def start(self) -> None:
        if self._live is None:
            self._live = self._new_live()
            self._live.start()

    def update(self, event: StreamEvent) -> None:
        self.start()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def pause(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        """Leave the last picture standing."""
        was_live = self._live is not None
        self.pause()
        if was_live:
            self._console.print(self.render())

    def render(self) -> "RenderableType":
        """The picture now, as tall as the terminal allows."""
        from rich.text import Text

        now, picture = datetime.now(UTC), self._picture
        columns = min(self._console.width, 110) - 1
        page = Text(no_wrap=True, overflow="crop")
        page.append(f"{symbol(picture.status)} ", COLOURS[shape(picture.status)])
        page.append(cut(picture.title, max(MIN_TITLE_CELLS, columns - 44)), "bold")
        facts = [self._call.say(f"cli.status.{picture.status}")]
        if picture.nodes:
            facts.append(f"{picture.done}/{len(picture.nodes)}")
        facts.append(duration(picture.elapsed_s(now)))
        if picture.tokens:
            facts.append(self._call.say("cli.progress.tokens", count=f"{picture.tokens:,}"))
        page.append("  " + " · ".join(facts), "dim")
        for line in self._lines(now, columns, self._console.height - 3):
            page.append("\n")
            page.append_text(line)
        return page

    def _lines(self, now: datetime, columns: int, room: int) -> "list[Text]":
        from rich.text import Text

        nodes = list(self._picture.nodes.values())
        hidden_done = hidden_waiting = 0
        if len(nodes) > room:
            # Tall plans fold what is over and what has not begun, never what is at work or wrong.
            for status in ("completed", "pending"):
                for node in [n for n in nodes if n.status == status]:
                    if len(nodes) <= room - 2:
                        break
                    nodes.remove(node)
                    hidden_done += status == "completed"
                    hidden_waiting += status == "pending"
        lines: list[Text] = []
        if hidden_done:
            lines.append(Text(f"  ● {self._call.say('cli.progress.more_done', count=hidden_done)}", "dim"))
        lines += [self._node_line(node, now, columns) for node in nodes[: max(1, room - 2)]]
        if hidden_waiting:
            lines.append(Text(f"  ○ {self._call.say('cli.progress.more_waiting', count=hidden_waiting)}", "dim"))
        return lines

    def _node_line(self, node: Node, now: datetime, columns: int) -> "Text":
        from rich.text import Text

        indent = 2 + 2 * min(node.level, 6)
        room = max(MIN_TITLE_CELLS, columns - indent - 2 - AGENT_CELLS - TIME_CELLS - 4)
        elapsed = node.elapsed_s(now)
        is_quiet = node.status in ("pending", "cancelled", "completed")
        line = Text(" " * indent, no_wrap=True)
        line.append(f"{symbol(node.status)} ", COLOURS[shape(node.status)])
        title = node.title if node.attempt < 2 else f"{node.title} ×{node.attempt}"
        line.append(pad(cut(title, room), room), "dim" if node.status in ("pending", "cancelled") else "")
        line.append("  " + pad(cut(self._title(node.agent), AGENT_CELLS), AGENT_CELLS), "dim")
        time = duration(elapsed) if elapsed is not None else ""
        line.append("  " + " " * max(0, TIME_CELLS - width(time)) + time, "dim" if is_quiet else "")
        if node.status == "failed" and node.error:
            line.append(f"  {node.error}", "red")
        return line


def review_line(call: Call, picture: Picture) -> str:
    """What the review said, in one line."""
    review = picture.review
    failed = list(review.get("failed") or ())
    status = "failed" if failed else "completed"
    key = "cli.progress.review_failed" if failed else "cli.progress.review_passed"
    return f"{symbol(status)} " + call.say(
        key,
        passed=review.get("passed", 0),
        criteria=review.get("criteria", 0),
        failed=len(failed),
        unchecked=review.get("unchecked", 0),
    )
