"""The look of a report: one style sheet for screen in light and dark, and for paper.

Used by the HTML rendering, which names its hash in the page's policy. Invariant: no `url()`,
no `@import`: nothing is ever loaded.
"""

from pathlib import Path

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
