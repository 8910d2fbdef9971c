"""Markdown and HTML to blocks.

Hides two parsers. Called by `extraction`. Invariant: only what a reader would see becomes text:
scripts, styles and comments never do, and no address in the document is ever fetched.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token
from selectolax.lexbor import LexborHTMLParser, LexborNode

from langgraph_multi_agent.domain.errors import InputUnreadable
from langgraph_multi_agent.skills.documents.document import BlockKind, Document, DocumentBuilder
from langgraph_multi_agent.skills.documents.plain import decode

_DROPPED = frozenset(
    ("script", "style", "noscript", "template", "svg", "math", "head", "iframe", "object", "canvas", "select")
)
_BREAKS = frozenset(
    "address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form header"
    " hr html li main nav ol p pre section summary table tbody thead tfoot tr ul caption h1 h2 h3 h4 h5 h6".split()
)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*['\"]?(.+?)['\"]?\s*$", re.MULTILINE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
_WESTERN = frozenset(("iso-8859-1", "latin1", "windows-1252", "us-ascii", "iso-8859-15"))


def extract_markdown(text: str) -> Document:
    """Blocks of CommonMark with tables; headings give the path, markup characters are gone."""
    title = ""
    front = _FRONT_MATTER.match(text)
    if front:
        named = _FRONT_TITLE.search(front.group(1))
        title = named.group(1) if named else ""
        text = text[front.end() :]
    builder = DocumentBuilder()
    tokens = MarkdownIt("commonmark", {"html": True, "maxNesting": 40}).enable("table").parse(text)
    row: list[str] | None = None
    items = 0
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        match token.type:
            case "heading_open":
                builder.heading(_inline_text(tokens[position]), int(token.tag[1]))
                position += 1
            case "tr_open":
                row = []
            case "tr_close":
                builder.add(" | ".join(row or ()), "row")
                row = None
            case "list_item_open":
                items += 1
            case "list_item_close":
                items -= 1
            case "inline" if row is not None:
                row.append(_inline_text(token))
            case "inline":
                builder.add(_inline_text(token), "item" if items else "prose")
            case "fence" | "code_block":
                builder.add(token.content, "code")
            case "html_block":
                for block in _html_document(token.content).text.split("\n"):
                    builder.add(block)
    return builder.build(title=title)


def _inline_text(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text" | "code_inline":
                parts.append(child.content)
            case "image":
                parts.append(child.content)
            case "softbreak":
                # A line break between two Chinese characters is no space.
                han = bool(parts and parts[-1] and ord(parts[-1][-1]) > 0x2E7F)
                parts.append("" if han else " ")
            case "hardbreak":
                parts.append("\n")
    return "".join(parts)


def extract_html(raw: bytes, name: str) -> Document:
    """Visible text of a page, with its headings.

    Raises:
        InputUnreadable: binary, or no visible text.
    """
    document = _html_document(_html_text(raw, name))
    if not document.blocks:
        raise InputUnreadable(file=name, reason="no_text")
    return document


def _html_text(raw: bytes, name: str) -> str:
    try:
        return decode(raw, name)
    except InputUnreadable as refusal:
        declared = _CHARSET.search(raw[:4096])
        charset = declared.group(1).decode("ascii").lower() if declared else ""
        # Western pages say so in their head; other undeclared encodings stay refused.
        if refusal.params.get("reason") == "encoding" and charset in _WESTERN:
            return raw.decode("cp1252", errors="replace")
        raise


def _html_document(text: str) -> Document:
    tree = LexborHTMLParser(text)
    title_node = tree.css_first("title")
    title = title_node.text(strip=True) if title_node is not None else ""
    builder = DocumentBuilder()
    collected: list[str] = []
    level = 0
    kind: BlockKind = "prose"

    def flush() -> None:
        body = "".join(collected)
        collected.clear()
        if kind == "code":
            builder.add(body, "code")
        elif level:
            builder.heading(body, level)
        else:
            builder.add(" ".join(body.split()), kind)

    # Iterative, because nesting depth is the author's choice and recursion has a limit.
    node: LexborNode | None = tree.root
    root = node
    while node is not None:
        tag = node.tag or ""
        descend = tag not in _DROPPED and not _is_hidden(node)
        if node.is_text_node:
            collected.append(node.text_content or "")
        elif descend:
            if tag in _BREAKS:
                flush()
                level = int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit() else level
                kind = _KINDS.get(tag, kind)
            elif tag in ("td", "th") and "".join(collected).strip():
                collected.append(" | ")
        child = node.child if descend else None
        if child is not None:
            node = child
            continue
        while node is not None:
            tag = node.tag or ""
            if tag in _BREAKS and descend:
                flush()
                if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
                    level = 0
                if tag in _KINDS:
                    kind = "prose"
            descend = True
            if node.next is not None:
                node = node.next
                break
            node = node.parent
            if node is None or node == root:
                node = None
    flush()
    return builder.build(title=title)


_KINDS: dict[str, BlockKind] = {"li": "item", "tr": "row", "pre": "code", "dd": "item"}


def _is_hidden(node: LexborNode) -> bool:
    if not node.is_element_node:
        return False
    attributes = node.attributes
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "hidden" in attributes or "display:none" in style
