"""A report as Markdown that no input text can break out of.

Called by `render_files`. Invariant: text from requests, files and agents is always escaped, so
it stays text in any CommonMark or GitHub renderer.
"""

import re

from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report.structure import Contribution, Report

_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
_BLOCK_START = re.compile(r"^([-+#=])|^(\d+)([.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(content: str) -> str:
    """Text as one line of inline Markdown that shows exactly this text."""
    line = " ".join(content.split())
    line = _SPECIAL.sub(lambda match: "\\" + match.group(), line)
    line = re.sub(r"[&<>]", lambda match: _ENTITIES[match.group()], line)
    return _BLOCK_START.sub(lambda match: "\\" + match[1] if match[1] else f"{match[2]}\\{match[3]}", line)


def fenced(code: str, info: str = "") -> str:
    """A code block whose fence is longer than any in the code."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{code.strip()}\n{fence}"


def render_markdown(report: Report) -> str:
    """The whole report; charts are linked by their artifact names."""

    def say(key: str, **params: object) -> str:
        return text(f"report.{key}", report.language, **params)

    blocks = [f"# {escaped(report.title)}"]
    if report.request and " ".join(report.request.split()) != report.title:
        blocks.append(f"> **{say('request')}** {escaped(report.request)}")
    blocks.append(f"## {say('summary')}")
    if report.summary:
        lines = [f"- {escaped(line)} [{ref}](#{ref.lower()})" for ref, line in report.summary]
        blocks.append("\n".join(lines))
        blocks.append(f"*{say('counts', findings=len(report.statements), passages=len(report.citations))}*")
    else:
        blocks.append(say("written_only" if report.written else "nothing_found"))
    for written in report.written:
        blocks += [f"## {say('written')} · {escaped(written.title)}"]
        blocks.append(f"*{say('written_note', model=escaped(written.model))}*")
        blocks.append(fenced(written.text, "text"))
    if report.narrative:
        blocks.append(f"## {say('narrative')}")
        blocks.extend(escaped(paragraph) for paragraph in report.narrative)
    if report.statements:
        blocks.append(f"## {say('findings')}")
    for item in report.statements:
        finding = item.finding
        blocks.append(f'### <a id="{item.ref.lower()}"></a>{item.ref} · {escaped(item.text)}')
        blocks.append(
            f"{say('source')} {escaped(finding.source)} · {say('subject')} {escaped(', '.join(finding.subject))}"
        )
        if finding.chart:
            blocks.append(f"![{escaped(item.text)}](<{_target(finding.chart)}>)")
        blocks.append(fenced(finding.sql, "sql"))
    if report.citations:
        blocks.append(f"## {say('passages')}")
    for citation in report.citations:
        passage = citation.passage
        place = say(
            "place",
            source=escaped(passage.source),
            locator=escaped(passage.locator),
            start=passage.start,
            end=passage.end,
        )
        blocks.append(
            f'### <a id="{citation.ref.lower()}"></a>{citation.ref} · {escaped(passage.locator or passage.source)}'
        )
        blocks.append("\n".join(f"> {escaped(line)}" for line in passage.quote.splitlines() if line.strip()))
        blocks.append(f"— {place}")
        if citation.question:
            blocks.append(f"{say('question')} {escaped(citation.question)}")
    unchecked = [item for item in report.contributions if item.note]
    if unchecked:
        blocks += [f"## {say('unchecked')}", say("unchecked_note")]
        blocks.append(
            "\n".join(
                f"- **{escaped(item.title)}** ({escaped(item.agent)}): {escaped(item.note)}"
                for item in unchecked
            )
        )
    if report.gaps:
        blocks.append(f"## {say('gaps')}")
        blocks.append("\n".join(f"- **{escaped(gap.title)}** — {escaped(gap.reason)}" for gap in report.gaps))
    blocks += [f"## {say('appendix')}", f"### {say('method')}", say("method_note")]
    if report.written:
        blocks.append(say("method_note_written"))
    if report.contributions:
        blocks.append("\n".join(f"- {_contribution(item, say('is_empty'))}" for item in report.contributions))
    if report.sources:
        blocks.append(f"### {say('inputs')}")
        head = f"| {say('name')} | {say('kind')} | {say('size')} | SHA-256 |\n|---|---|---:|---|"
        rows = [
            f"| {escaped(item.name)} | {say('kind_' + item.kind)} | {item.size_bytes:,} B | `{item.digest}` |"
            for item in report.sources
        ]
        blocks.append("\n".join([head, *rows]))
    return "\n\n".join(blocks) + "\n"


def _contribution(item: Contribution, empty: str) -> str:
    reason = f" — {escaped(item.reason)}" if item.reason else ""
    return f"**{escaped(item.title)}** · {escaped(item.agent)}{reason}" + (
        f" **{empty}**" if item.is_empty else ""
    )


def _target(name: str) -> str:
    return re.sub(r"[<>\\\s]", "_", name)
