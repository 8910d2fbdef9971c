"""The look of a report: one style sheet for screen in light and dark, and for paper.

Used by the HTML rendering, which names its hash in the page's policy. Invariant: no `url()`,
no `@import`: nothing is ever loaded.
"""

STYLE = """
:root{color-scheme:light dark;--ink:#1c1917;--soft:#57534e;--faint:#8a837c;--line:#e7e3de;--page:#faf9f7;--card:#fff;--accent:#4f46e5;--wash:#eef0ff;--paper:#fff;--warn:#b45309}
@media (prefers-color-scheme:dark){:root{--ink:#ece9e5;--soft:#b8b2aa;--faint:#8d867e;--line:#37332f;--page:#171513;--card:#1f1c1a;--accent:#a5b4fc;--wash:#262541;--paper:#fbfaf8;--warn:#fbbf24}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.65 Inter,"PingFang SC","HarmonyOS Sans SC","Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei",system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:820px;margin:0 auto;padding:56px 24px 96px}
h1{font-size:28px;line-height:1.3;margin:4px 0 12px;font-weight:650;letter-spacing:-.01em}
h2{font-size:20px;margin:48px 0 16px;font-weight:600}
h3{font-size:16px;line-height:1.55;margin:8px 0 12px;font-weight:550}
p{margin:8px 0}
a{color:var(--accent)}
.kicker{margin:0;color:var(--faint);font-size:13px;letter-spacing:.06em;text-transform:uppercase}
.request{color:var(--soft);white-space:pre-line}
.counts,.quiet{color:var(--faint);font-size:13px}
.n{font-variant-numeric:tabular-nums;font-weight:600}
.ref{display:inline-block;min-width:26px;padding:0 6px;border-radius:6px;background:var(--wash);color:var(--accent);font-size:12px;line-height:20px;text-align:center;text-decoration:none;font-weight:600;font-variant-numeric:tabular-nums}
.summary{margin-top:28px;padding:20px 24px;border:1px solid var(--line);border-radius:10px;background:var(--card)}
.summary h2{margin:0 0 8px;font-size:16px}
.summary ul{margin:0;padding-left:20px}
.summary li{margin:8px 0}
article{border:1px solid var(--line);border-radius:10px;background:var(--card);padding:18px 22px;margin:16px 0;break-inside:avoid-page}
article:target{border-color:var(--accent)}
.tags{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;margin:0;color:var(--faint);font-size:13px}
.meter{margin-left:auto;width:64px;height:4px;border-radius:2px;background:var(--line);overflow:hidden}
.bar{display:block;height:4px;border-radius:2px;background:var(--accent)}
.w0{width:0}.w1{width:10%}.w2{width:20%}.w3{width:30%}.w4{width:40%}.w5{width:50%}.w6{width:60%}.w7{width:70%}.w8{width:80%}.w9{width:90%}.w10{width:100%}
figure{margin:12px 0;padding:12px;border-radius:8px;background:var(--paper)}
@media (prefers-color-scheme:light){figure{padding:0}}
figure img{display:block;max-width:100%;height:auto;margin:0 auto}
blockquote{margin:10px 0;padding:2px 0 2px 16px;border-left:3px solid var(--accent);white-space:pre-line}
details{margin-top:10px;color:var(--soft);font-size:14px}
details summary{cursor:pointer;color:var(--faint);font-size:13px}
pre{margin:10px 0;padding:12px 14px;border-radius:8px;background:var(--page);border:1px solid var(--line);overflow-x:auto;white-space:pre-wrap}
code{font:13px/1.55 "JetBrains Mono",ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.4;font-variant-numeric:tabular-nums}
th,td{padding:7px 12px 7px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--faint);font-weight:500;font-size:13px}
.r{text-align:right}
.numbers{width:auto}
.scroll{overflow-x:auto}
.digest{font-size:11px;color:var(--faint)}
.gaps h2{color:var(--warn)}
.appendix{margin-top:56px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}
.appendix li{margin:6px 0}
@media (max-width:600px){main{padding:28px 16px 64px}h1{font-size:24px}article,.summary{padding:14px 16px}}
@media print{:root{--ink:#000;--soft:#333;--faint:#555;--line:#ccc;--page:#fff;--card:#fff;--accent:#312e81;--wash:#eee;--paper:#fff}body{font-size:11pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}article{break-inside:avoid}a{text-decoration:none}}
"""
