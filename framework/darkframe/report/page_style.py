"""The page's style sheet: light and dark, readable on a phone, nothing fetched."""

CSS = """
:root { color-scheme: light dark; --bg: #fff; --ink: #1d2129; --faint: #5d6675; --line: #dfe3e9; --card: #f6f8fa;
  --accent: #0072b2; --good: #00795a; --mark: 0, 114, 178; --minus: 213, 94, 0; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171c; --ink: #e4e7ec; --faint: #9aa4b2; --line: #2c323b; --card: #1c2128;
  --accent: #6cb6e8; --good: #4cc9a0; --mark: 86, 180, 233; --minus: 240, 140, 70; }
  img { filter: invert(0.915) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 4rem; background: var(--bg); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.35rem; font-weight: 600; margin: 0 0 1rem; color: var(--faint); }
h2 { font-size: 1.3rem; margin: 2.8rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p { max-width: 48rem; } a { color: var(--accent); }
.finding { border-left: 5px solid var(--accent); background: var(--card); padding: 1rem 1.25rem; border-radius: 0 8px 8px 0; }
.finding strong { display: block; font-size: 1.3rem; line-height: 1.35; margin-bottom: .5rem; }
.finding p { margin: .4rem 0; }
.caution { color: #9a5b00; } @media (prefers-color-scheme: dark) { .caution { color: #f0b35a; } }
.caption { color: var(--faint); font-size: .9rem; margin: .4rem 0; max-width: 56rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--line); vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); vertical-align: top; } th, td { padding: .3rem .75rem .3rem 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-left: .5rem; }
td.w { min-width: 18rem; }
td.t, .context { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
img { max-width: 100%; height: auto; display: block; margin: .5rem 0; border-radius: 6px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem; }
.component { background: var(--card); border-radius: 8px; padding: .7rem 1rem; margin: .8rem 0; }
.component h3 { margin: 0; } .component .why { color: var(--faint); font-size: .9rem; margin: .2rem 0 .5rem; }
.badge { display: inline-block; font-size: .78rem; font-weight: 600; padding: .05rem .5rem; border-radius: 1rem;
  border: 1px solid currentColor; margin-left: .4rem; vertical-align: middle; color: var(--faint); }
.badge.yes { color: var(--good); } .badge.novel { color: var(--accent); }
.context { font-size: .85rem; margin: 0; padding: 0; list-style: none; }
.tokens { font-size: .95rem; line-height: 1.9; margin: .3rem 0; overflow-wrap: anywhere; }
.tokens mark { padding: .1rem .35rem; }
.context li { display: grid; grid-template-columns: 4.8rem 1fr auto; gap: .8rem; padding: .12rem 0; overflow-wrap: anywhere; }
.context .a { text-align: right; color: var(--faint); }
.context .where { color: var(--faint); font-size: .8rem; white-space: nowrap; }
mark { color: inherit; border-radius: 3px; font-weight: 600; background: rgba(var(--mark), var(--s)); }
mark.minus { background: rgba(var(--minus), var(--s)); }
summary { cursor: pointer; color: var(--accent); margin: .5rem 0; }
pre { font-size: .8rem; overflow-x: auto; background: var(--card); padding: .8rem; border-radius: 8px; }
nav { font-size: .92rem; margin: 1rem 0; color: var(--faint); } nav a { margin-right: .9rem; }
@media print { body { max-width: none; } details > * { display: block; } }
"""
