/**
 * The status page: one HTML document that loads nothing else and works without internet access. It contains the words and the status
 * as JSON; its script (`browser/main.ts`) draws them, and then polls for a new status every few seconds.
 */
import { createHash } from 'node:crypto'
import type { Status } from '../status.ts'
import { pageAssets } from './assets.ts'
import type { Words } from './words.ts'

/** The headers of the page that never change. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Returns the headers of the page. */
export function pageHeaders (): Readonly<Record<string, string>> {
  return { ...HEADERS, 'content-security-policy': contentSecurityPolicy() }
}

/** Renders the page in one language. */
export function renderPage (status: Status, words: Words): string {
  const { facts, noScript, skip, title } = words
  const { script, style } = pageAssets()
  return `<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#requests">${escape(skip)}</a>
<div class="page">
<header class="bar"><b>amsu-proxy</b><span id="build"></span></header>
<main>
<section class="state" aria-labelledby="state">
<div role="status" aria-live="polite" aria-atomic="true"><h1 id="state"></h1></div>
<p id="detail"></p>
<div class="notes" aria-live="polite"><p id="failure" hidden></p><p id="rejected" hidden></p><p id="unreachable" hidden></p><p id="used-up" hidden></p><p id="clock" hidden></p></div>
<noscript><p>${escape(noScript)}</p></noscript>
<dl class="facts">
<div><dt>${escape(facts.inFlight)}</dt><dd id="in-flight"></dd></div>
<div><dt>${escape(facts.requests)}</dt><dd id="request-count"></dd></div>
<div><dt>${escape(facts.errors)}</dt><dd id="error-count"></dd></div>
<div><dt>${escape(facts.uptime)}</dt><dd id="uptime"></dd></div>
</dl>
</section>
${renderSections(words)}</main>
</div>
<script type="application/json" id="words">${embed(words)}</script>
<script type="application/json" id="status">${embed(status)}</script>
<script>${script}</script>
</body>
</html>
`
}

/** Renders the cards below the state; the script fills them. */
function renderSections ({ first, quota, requests, settings, token, traffic }: Words): string {
  return `<div class="grid">
<section aria-labelledby="token-heading"><h2 id="token-heading">${escape(token.heading)}</h2><div id="timeline"></div>
<details class="calls"><summary>${escape(token.calls)}</summary><div class="scroll" id="token-calls"></div></details></section>
<section aria-labelledby="quota-heading"><h2 id="quota-heading">${escape(quota.heading)}</h2><div id="quota"></div></section>
<section class="wide" aria-labelledby="traffic-heading"><h2 id="traffic-heading">${escape(traffic.heading)}</h2><div id="chart"></div></section>
<section class="wide" aria-labelledby="first-heading"><h2 id="first-heading">${escape(first.heading)}</h2>
<div class="copy"><pre id="first-call" tabindex="0"></pre><button type="button" id="copy">${escape(first.copy)}</button></div><p class="soft">${escape(first.text)}</p></section>
<section class="wide" id="requests" aria-labelledby="requests-heading" tabindex="-1"><h2 id="requests-heading">${escape(requests.heading)}</h2><div class="scroll" id="log"></div></section>
<section class="wide"><details><summary>${escape(settings.heading)}</summary><div class="scroll" id="settings"></div></details></section>
</div>
`
}

/**
 * Only the page's own script and style apply, nothing is loaded, nobody may frame it, and the script cannot make markup out of text
 * (W3C Content Security Policy Level 3, Trusted Types).
 */
function contentSecurityPolicy (): string {
  const { script, style } = pageAssets()
  return [
    "default-src 'none'", `script-src '${hashOf(script)}'`, `style-src '${hashOf(style)}'`, "connect-src 'self'", 'img-src data:',
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].join('; ')
}

function hashOf (text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

/** Writes JSON that cannot end the script element it is in. */
function embed (value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
