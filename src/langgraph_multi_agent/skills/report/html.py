"""A report as one HTML file that loads nothing and runs nothing.

Called by `render_files`. Invariant: every text is escaped, the only style is the one whose hash
the content security policy names, images are `data:` only.
"""

import base64
import hashlib
import re
from html import escape

from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.skills.report.audit import REFERENCE
from langgraph_multi_agent.skills.report.chart import inlined
from langgraph_multi_agent.skills.report.structure import Citation, Report, Statement
from langgraph_multi_agent.skills.report.style import STYLE

_NUMBER = re.compile(r"(?<![\w.#&;-])([-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?%?)(?![\w;-])")


class _Page:
    """One rendering: the report, its words, its charts."""

    def __init__(self, report: Report, charts: dict[str, bytes]) -> None:
        self.report = report
        self.charts = charts

    def say(self, key: str, **params: object) -> str:
        return escape(text(f"report.{key}", self.report.language, **params))

    def sentence(self, content: str) -> str:
        """A sentence with its numbers set in tabular, stronger type."""
        return _NUMBER.sub(r'<span class="n">\1</span>', escape(content, quote=False))

    def body(self) -> str:
        parts = [self.header(), self.summary()]
        parts += [self.written(), self.narrative(), self.findings(), self.passages(), self.unchecked(), self.gaps()]
        parts += [self.appendix()]
        return "\n".join(part for part in parts if part)

    def header(self) -> str:
        report = self.report
        request = ""
        if report.request and " ".join(report.request.split()) != report.title:
            request = f'<p class="request"><b>{self.say("request")}</b> {escape(report.request)}</p>'
        counts = self.say("counts", findings=len(report.statements), passages=len(report.citations))
        return (
            f'<header><p class="kicker">{self.say("kicker")}</p><h1>{escape(report.title)}'
            f'</h1>{request}<p class="counts">{counts}</p></header>'
        )

    def summary(self) -> str:
        if not self.report.summary:
            return (
                f'<section class="summary"><h2>{self.say("summary")}'
                f"</h2><p>{self.say('written_only' if self.report.written else 'nothing_found')}</p></section>"
            )
        lines = "".join(
            f'<li>{self.sentence(line)} <a class="ref" href="#{ref.lower()}">{ref}</a></li>'
            for ref, line in self.report.summary
        )
        return f'<section class="summary"><h2>{self.say("summary")}</h2><ul>{lines}</ul></section>'

    def written(self) -> str:
        return "\n".join(
            f"<section><h2>{self.say('written')} · {escape(item.title)}</h2>"
            f'<p class="quiet">{self.say("written_note", model=item.model)}</p>'
            f'<div class="written">{escape(item.text)}</div></section>'
            for item in self.report.written
        )

    def narrative(self) -> str:
        if not self.report.narrative:
            return ""
        paragraphs = "".join(
            "<p>"
            + REFERENCE.sub(
                lambda match: f'<a class="ref" href="#{match[1].lower()}">{match[1]}</a>',
                escape(paragraph, quote=False),
            )
            + "</p>"
            for paragraph in self.report.narrative
        )
        return f"<section><h2>{self.say('narrative')}</h2>{paragraphs}</section>"

    def findings(self) -> str:
        if not self.report.statements:
            return ""
        cards = "\n".join(self.finding(item) for item in self.report.statements)
        return f"<section><h2>{self.say('findings')}</h2>\n{cards}\n</section>"

    def finding(self, item: Statement) -> str:
        finding = item.finding
        figure = ""
        if finding.chart:
            url = inlined(self.charts[finding.chart]) if finding.chart in self.charts else None
            figure = (
                f'<figure><img src="{url}" alt="{escape(item.text)}"></figure>'
                if url
                else f'<p class="quiet">{self.say("chart_file", name=finding.chart)}</p>'
            )
        strength = max(0, min(10, round(10 * finding.strength)))
        meter = (
            f'<span class="meter" title="{self.say("strength")}"><span class="bar w{strength}"></span></span>'
        )
        return (
            f'<article id="{item.ref.lower()}"><p class="tags"><span class="ref">{item.ref}</span>'
            f"<span>{escape(finding.source)}</span><span>{escape(' · '.join(finding.subject))}</span>{meter}</p>"
            f"<h3>{self.sentence(item.text)}</h3>{figure}"
            f"<details><summary>{self.say('sql')}</summary><pre><code>{escape(finding.sql.strip())}</code></pre>"
            f"{self.numbers(item)}</details></article>"
        )

    def numbers(self, item: Statement) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(number.name)}</code></td>"
            f"<td>{'NULL' if number.value is None else escape(repr(number.value))}</td></tr>"
            for number in item.finding.numbers
        )
        if not rows:
            return ""
        return (
            f'<table class="numbers"><tr><th>{self.say("column")}'
            f"</th><th>{self.say('value')}</th></tr>{rows}</table>"
        )

    def passages(self) -> str:
        if not self.report.citations:
            return ""
        quotes = "\n".join(self.citation(item) for item in self.report.citations)
        return f"<section><h2>{self.say('passages')}</h2>\n{quotes}\n</section>"

    def citation(self, item: Citation) -> str:
        passage = item.passage
        place = self.say(
            "place", source=passage.source, locator=passage.locator, start=passage.start, end=passage.end
        )
        return (
            f'<article id="{item.ref.lower()}"><p class="tags"><span class="ref">{item.ref}</span>'
            f"<span>{escape(item.question)}</span></p>"
            f'<blockquote>{escape(passage.quote.strip())}</blockquote><p class="quiet">{place}</p></article>'
        )

    def unchecked(self) -> str:
        items = [item for item in self.report.contributions if item.note]
        if not items:
            return ""
        lines = "".join(
            f'<li><b>{escape(item.title)}</b> <span class="quiet">{escape(item.agent)}</span>'
            f"<br>{escape(item.note)}</li>"
            for item in items
        )
        return (
            f"<section><h2>{self.say('unchecked')}</h2>"
            f'<p class="quiet">{self.say("unchecked_note")}</p><ul>{lines}</ul></section>'
        )

    def gaps(self) -> str:
        if not self.report.gaps:
            return ""
        lines = "".join(
            f"<li><b>{escape(gap.title)}</b> — {escape(gap.reason)}</li>" for gap in self.report.gaps
        )
        return f'<section class="gaps"><h2>{self.say("gaps")}</h2><ul>{lines}</ul></section>'

    def appendix(self) -> str:
        method = "".join(
            f'<li><b>{escape(item.title)}</b> <span class="quiet">{escape(item.agent)}</span>'
            + (f"<br>{escape(item.reason)}" if item.reason else "")
            + (f" <b>{self.say('is_empty')}</b>" if item.is_empty else "")
            + "</li>"
            for item in self.report.contributions
        )
        rows = "".join(
            f"<tr><td>{escape(item.name)}</td><td>{self.say('kind_' + item.kind)}</td>"
            f'<td class="r">{item.size_bytes:,} B</td><td><code class="digest">{escape(item.digest)}</code></td></tr>'
            for item in self.report.sources
        )
        inputs = (
            f'<h3>{self.say("inputs")}</h3><div class="scroll"><table><tr><th>{self.say("name")}</th>'
            f'<th>{self.say("kind")}</th><th class="r">{self.say("size")}</th><th>SHA-256</th></tr>{rows}</table></div>'
            if rows
            else ""
        )
        return (
            f'<section class="appendix"><h2>{self.say("appendix")}</h2><h3>{self.say("method")}</h3>'
            f"<p>{self.say('method_note')}</p>"
            + (f"<p>{self.say('method_note_written')}</p>" if self.report.written else "")
            + (f"<ol>{method}</ol>" if method else "")
            + f"{inputs}</section>"
        )


def render_html(report: Report, charts: dict[str, bytes]) -> str:
    """The whole report in one file.

    Args:
        charts: content of PNG and SVG charts by artifact name; others are named, not shown.
    """
    style_hash = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    language = "zh-CN" if report.language == "zh" else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{_Page(report, charts).body()}\n</main>\n</body>\n</html>\n"
    )
