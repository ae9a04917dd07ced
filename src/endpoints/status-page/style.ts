/**
 * How the status page looks: the reader's own fonts, light or dark as the reader has it, one column on a phone.
 */

/** The style sheet. Its hash is in the content security policy, so it is one text for every page. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #16202c; --soft: #566273; --line: #dfe4ea; --field: #eef1f5;
  --ok: #14804a; --busy: #1f5fbf; --warn: #9a5b00; --bad: #c02b2b; --off: #5b6675;
  --tone: var(--off);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10151c; --card: #18202a; --ink: #e8edf3; --soft: #9fadbd; --line: #2a3542; --field: #212b37;
    --ok: #4cc38a; --busy: #79aefc; --warn: #f0b55a; --bad: #ff8080; --off: #9aa7b5;
  }
}
[data-level=ok] { --tone: var(--ok) }
[data-level=busy] { --tone: var(--busy) }
[data-level=warn] { --tone: var(--warn) }
[data-level=bad] { --tone: var(--bad) }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif }
.page { max-width: 72rem; margin: 0 auto; padding: 1rem 1.25rem 3rem }
.skip { position: absolute; left: -99rem }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--card); color: var(--ink); z-index: 1 }
:focus-visible { outline: 3px solid var(--busy); outline-offset: 2px; border-radius: 4px }
.bar { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; padding: .5rem 0 1rem; color: var(--soft); font-size: .875rem }
.bar b { color: var(--ink); font-size: 1rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.25rem 1.5rem; min-width: 0 }
.state { border-left: 8px solid var(--tone); padding: 1.75rem 2rem 1.5rem; margin-bottom: 1rem }
h1 { margin: 0; font-size: clamp(1.75rem, 5vw, 2.75rem); line-height: 1.15; letter-spacing: -.02em; color: var(--tone); text-wrap: balance }
.state p { margin: .5rem 0 0; font-size: clamp(1.05rem, 2.4vw, 1.3rem) }
/* What is wrong besides: a bar as well as words, so that it is found without colours. */
.state .notes p { margin-top: .75rem; padding-left: .75rem; border-left: 4px solid var(--warn); font-size: 1rem }
h2 { margin: 0 0 .75rem; font-size: 1rem; font-weight: 650 }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem; margin: 1.5rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line) }
.facts div { display: flex; flex-direction: column-reverse }
dt { color: var(--soft); font-size: .875rem }
dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.25 }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; margin-bottom: 1rem }
.wide { grid-column: 1 / -1 }
.soft { color: var(--soft); font-size: .875rem; margin: .75rem 0 0 }
.ends { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .875rem; margin: .35rem 0 0 }
svg { display: block; width: 100%; overflow: visible }
.track { fill: var(--field) } .life { fill: var(--tone) } .tick { fill: var(--ink) } .quiet { fill: var(--field) } .good { fill: var(--busy) } .fault { fill: var(--bad) }
.key::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .4em; background: var(--busy) }
.key.bad::before { background: var(--bad) }
.key { margin-right: 1rem }
dl.quota { margin: 0; display: grid; gap: .1rem }
.quota div { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; padding: .45rem 0; border-bottom: 1px solid var(--line) }
.quota div:last-child { border: 0 }
.quota dt { font-size: 1rem; color: var(--ink) }
.quota dd { font-size: 1.25rem }
.empty { color: var(--bad) }
.scroll { overflow-x: auto; margin: 0 -1.5rem; padding: 0 1.5rem }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem }
th { text-align: left; font-weight: 600; color: var(--soft) }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
tbody tr:last-child > * { border: 0 }
td.no { white-space: nowrap }
td.path, code { overflow-wrap: anywhere }
code, pre { font: .8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace }
.pill { display: inline-block; min-width: 2.6rem; text-align: center; border-radius: 99px; padding: 0 .5rem; font-weight: 600; color: var(--tone); border: 1px solid currentColor }
.copy { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start }
pre { flex: 1 1 20rem; margin: 0; padding: .7rem .9rem; background: var(--field); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere }
button { font: inherit; font-weight: 600; color: var(--card); background: var(--busy); border: 0; border-radius: 8px; padding: .5rem 1.1rem; min-height: 2.75rem; cursor: pointer }
summary { cursor: pointer; font-weight: 650; padding: .25rem 0; min-height: 1.75rem }
details > *:not(summary) { margin-top: .75rem }
.calls { margin-top: .75rem }
.calls summary { font-size: .875rem }
.calls caption { position: absolute; left: -99rem }
.log code { font-size: .75rem }
.log .id { white-space: nowrap }
[data-stale] main > :not(.state) { opacity: .5 }
@media (max-width: 40rem) {
  .page { padding: .5rem .75rem 2rem }
  section { padding: 1rem 1.1rem }
  .state { padding: 1.25rem 1.1rem; border-left-width: 6px }
  .scroll { margin: 0 }
  .scroll { padding: 0 }
  .log thead { position: absolute; left: -99rem }
  .log tr { display: grid; grid-template-columns: auto 1fr auto; gap: .1rem .75rem; padding: .6rem 0; border-bottom: 1px solid var(--line) }
  .log td { padding: 0; border: 0 }
  .log .path { grid-column: 1 / -1; grid-row: 1 }
  .log .id { grid-column: 1 / -1; color: var(--soft); white-space: normal }
}
@media (prefers-reduced-motion: no-preference) { .life { transition: width .4s } }
@media print { .copy button, .skip { display: none } section { break-inside: avoid } }
`
