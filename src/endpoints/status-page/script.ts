/**
 * What draws the status page in the browser. It makes elements and sets texts and attributes; text never becomes markup.
 */

/** The script. Its hash is in the content security policy, so it is one text for every page; data and words are beside it. */
export const script = `'use strict'
const POLL_MS = 3000
const TIMEOUT_MS = 5000
const LEVELS = { starting: 'busy', serving: 'ok', renewing: 'busy', token_endpoint_down: 'warn', credentials_rejected: 'warn', draining: 'off', unreachable: 'bad' }
const COLOURS = { ok: '%2314804a', busy: '%231f5fbf', warn: '%23d98a00', bad: '%23c02b2b', off: '%235b6675' }
const SVG = 'http://www.w3.org/2000/svg'
const byId = id => document.getElementById(id)
const words = JSON.parse(byId('words').textContent)
let status = JSON.parse(byId('status').textContent)
let heardAt = performance.now()
let isLost = false

function fill (text, values) {
  return text.replace(/\\{(\\w+)\\}/g, (_, name) => values[name] === undefined ? '' : String(values[name]))
}

function number (value) {
  return value.toLocaleString(words.language)
}

function duration (seconds) {
  if (seconds === null || seconds === undefined) return words.moment
  const parts = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]
  let first = parts.findIndex(part => seconds >= part[1])
  if (first < 0) return words.moment
  const said = []
  const isLong = seconds >= 600
  for (const [unit, size] of parts.slice(first, first + 2)) {
    const n = Math.floor(seconds / size)
    if (n > 0 && !(unit === 's' && said.length > 0 && isLong)) said.push(fill(words.units[unit], { n }))
    seconds -= n * size
  }
  return said.join(' ')
}

function clock (iso) {
  const date = new Date(iso)
  const isToday = date.toDateString() === new Date().toDateString()
  return date.toLocaleString(words.language, { month: isToday ? undefined : 'short', day: isToday ? undefined : 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
}

function make (tag, attributes, ...children) {
  const node = /^(svg|rect)$/.test(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value)
  node.append(...children)
  return node
}

function say (id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text
}

function table (className, caption, heads, rows) {
  const head = make('tr', {}, ...heads.map(text => make('th', { scope: 'col' }, text)))
  return make('table', { class: className }, make('caption', {}, caption), make('thead', {}, head), make('tbody', {}, ...rows))
}

function drawState (passed) {
  const { token } = status
  const left = seconds => seconds === null ? null : Math.max(0, seconds - passed)
  const isAble = status.isServing || words.states[status.state + '_without'] === undefined
  const name = isLost ? 'unreachable' : isAble ? status.state : status.state + '_without'
  const next = token.nextAttemptInSeconds === null ? words.attempting : fill(words.nextAttempt, { next: duration(left(token.nextAttemptInSeconds)) })
  const [title, detail] = words.states[name]
  const level = !isLost && name.endsWith('_without') && status.state !== 'renewing' ? 'bad' : LEVELS[isLost ? 'unreachable' : status.state]
  const values = { renews: duration(left(token.tokenRenewsInSeconds)), ends: duration(left(token.tokenExpiresInSeconds)), next, inFlight: number(status.traffic.inFlight), ago: duration(passed) }
  say('state', title)
  say('detail', fill(detail, values))
  document.title = title + ' · amsu-proxy'
  if (document.body.dataset.level !== level) {
    document.body.dataset.level = level
    document.querySelector('link[rel=icon]').href = 'data:image/svg+xml,<svg xmlns="' + SVG + '" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="' + COLOURS[level] + '"/></svg>'
  }
  document.body.toggleAttribute('data-stale', isLost)
  say('uptime', duration(status.uptimeSeconds + (isLost ? 0 : passed)))
  drawTimeline(values, left)
}

function note (id, text) {
  say(id, text)
  byId(id).hidden = text === ''
}

function drawNotes () {
  const { clock: { isOff, skewSeconds }, token: { failureCode: code, failureStatus: httpStatus } } = status
  const { failure: w, clock: c } = words
  const usedUp = status.quota.families.filter(({ remaining }) => remaining === 0).map(({ family }) => words.quota.families[family] || family)
  const failure = httpStatus !== null ? fill(w.answered, { status: httpStatus }) : code !== null ? fill(w.unanswered, { code, why: w.codes[code] || w.other }) : ''
  note('failure', isLost ? '' : failure)
  note('refused', isLost || !status.token.areNewCredentialsRejected ? '' : words.refused)
  note('unreachable', isLost || !status.warnings.includes('amsu_unreachable') ? '' : words.unreachable)
  note('used-up', isLost || usedUp.length === 0 ? '' : fill(words.quota.usedUp, { families: new Intl.ListFormat(words.language).format(usedUp) }))
  note('clock', isLost || !isOff ? '' : fill(skewSeconds > 0 ? c.ahead : c.behind, { skew: duration(Math.abs(skewSeconds)) }))
}

function drawTimeline (values, left) {
  const { tokenLifeSeconds: life, tokenExpiresInSeconds: ends, tokenRenewsInSeconds: renews, refreshTokenExpiresInSeconds: refresh } = status.token
  const parts = []
  if (life === null) parts.push(make('p', {}, words.token.none))
  else {
    const spent = life - left(ends)
    values = { ...values, spent: duration(spent) }
    const x = seconds => (100 * Math.min(1, Math.max(0, seconds / Math.max(1, life)))).toFixed(2) + '%'
    parts.push(make('svg', { height: 26, role: 'img', 'aria-label': fill(words.token.timeline, values) },
      make('rect', { class: 'track', y: 6, width: '100%', height: 14, rx: 7 }),
      make('rect', { class: 'life', y: 6, width: x(spent), height: 14, rx: 7 }),
      ...renews > 0 ? [make('rect', { class: 'tick', x: x(life - ends + renews), width: 2, height: 26 })] : []))
    parts.push(make('p', { class: 'ends' }, make('span', {}, fill(words.token.obtained, values)), make('span', {}, fill(words.token.ends, values))))
    parts.push(make('p', { class: 'soft' }, renews > 0 ? '▏' + words.token.renews + ' ' + clock(Date.parse(status.now) + renews * 1000) : words.token.due))
  }
  if (refresh !== null) parts.push(make('p', { class: 'soft' }, fill(words.token.refresh, { refresh: duration(left(refresh)) })))
  byId('timeline').replaceChildren(...parts)
}

function drawQuota (passed) {
  const { families, isFailing, isPolled, readAt } = status.quota
  const list = make('dl', { class: 'quota' }, ...families.map(({ family, remaining }) => make('div', {},
    make('dt', { title: family }, words.quota.families[family] || family),
    make('dd', remaining === 0 ? { class: 'empty' } : {}, remaining < 0 ? words.quota.unlimited : number(remaining)))))
  const ago = readAt === null ? null : Math.max(0, Math.round((Date.parse(status.now) - Date.parse(readAt)) / 1000) + passed)
  const when = !isPolled ? words.quota.off : readAt === null ? words.quota.unread : fill(words.quota.read, { ago: duration(ago) })
  byId('quota').replaceChildren(list, make('p', { class: 'soft' }, when + (isFailing ? ' ' + words.quota.failing : '')))
}

function drawChart () {
  const { errors, minutes, requests } = status.traffic
  const most = Math.max(1, ...minutes.map(minute => minute.requests))
  const bars = minutes.flatMap((minute, i) => {
    const bar = (name, from, count) => make('rect', { class: name, x: ((i + 0.1) / 60 * 100).toFixed(2) + '%', width: '1.33%', y: (96 - 92 * (from + count) / most).toFixed(1), height: Math.max(1.5, 92 * count / most).toFixed(1), rx: 1.5 })
    if (minute.requests === 0) return [make('rect', { class: 'quiet', x: ((i + 0.1) / 60 * 100).toFixed(2) + '%', width: '1.33%', y: 94, height: 2, rx: 1 })]
    return [...minute.requests > minute.errors ? [bar('good', minute.errors, minute.requests - minute.errors)] : [], ...minute.errors > 0 ? [bar('fault', 0, minute.errors)] : []]
  })
  const text = fill(words.traffic.chart, { requests: number(requests), errors: number(errors) })
  byId('chart').replaceChildren(
    make('svg', { height: 100, role: 'img', 'aria-label': text }, ...bars),
    make('p', { class: 'ends' }, make('span', {}, words.traffic.ago), make('span', {}, fill(words.traffic.most, { most: number(most) })), make('span', {}, words.token.now)),
    make('p', { class: 'soft' }, make('span', { class: 'key' }, words.traffic.ok), make('span', { class: 'key bad' }, words.traffic.errors)))
}

function drawRequests () {
  const { requests: w } = words
  const level = code => code < 400 ? 'ok' : code < 500 ? 'warn' : 'bad'
  const rows = status.requests.map(request => make('tr', {},
    make('td', { class: 'no' }, clock(request.endedAt)),
    make('td', { class: 'path' }, make('code', {}, request.method + ' ' + request.path)),
    make('td', {}, make('span', { class: 'pill', 'data-level': level(request.status), title: request.errorCode || '' }, String(request.status))),
    make('td', { class: 'no' }, request.durationMs < 1000 ? fill(words.units.ms, { n: number(Math.round(request.durationMs)) }) : fill(words.units.s, { n: number(Math.round(request.durationMs / 100) / 10) })),
    make('td', {}, request.caller || '–'),
    make('td', { class: 'id' }, make('code', {}, request.requestId))))
  byId('log').replaceChildren(rows.length === 0 ? make('p', { class: 'soft' }, w.none) : table('log', w.caption, [w.time, w.request, w.status, w.duration, w.caller, w.id], rows))
}

function drawRest () {
  const { settings: s, token: t } = words
  say('build', status.version + ' · Node.js ' + status.node)
  say('in-flight', number(status.traffic.inFlight))
  say('request-count', number(status.traffic.requests))
  say('error-count', number(status.traffic.errors))
  say('first-call', status.firstCall)
  byId('token-calls').replaceChildren(table('', t.calls, [t.time, t.call, t.outcome], status.tokenCalls.map(call => make('tr', {}, make('td', { class: 'no' }, clock(call.endedAt)), make('td', {}, t.callNames[call.call]), make('td', {}, t.outcomes[call.outcome])))))
  byId('settings').replaceChildren(table('', s.caption, [s.name, s.value], status.settings.map(setting => make('tr', {}, make('th', { scope: 'row' }, make('code', {}, setting.name)), make('td', {}, make('code', {}, setting.value), setting.isDefault ? ' (' + s.isDefault + ')' : '')))))
}

function drawTimes () {
  const passed = Math.round((performance.now() - heardAt) / 1000)
  drawState(passed)
  drawNotes()
  drawQuota(passed)
}

function draw () {
  drawTimes()
  drawChart()
  drawRequests()
  drawRest()
}

async function ask () {
  if (document.hidden) return
  try {
    const answer = await window.fetch(location.pathname, { headers: { accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!answer.ok) throw new Error(String(answer.status))
    status = await answer.json()
    heardAt = performance.now()
    isLost = false
    draw()
  } catch {
    isLost = true
    drawTimes()
  }
}

async function goOn () {
  await ask()
  setTimeout(goOn, POLL_MS)
}

async function copy () {
  const button = byId('copy')
  try {
    await navigator.clipboard.writeText(status.firstCall)
    button.textContent = words.first.copied
    setTimeout(() => { button.textContent = words.first.copy }, 2000)
  } catch {
    getSelection().selectAllChildren(byId('first-call'))
  }
}

byId('copy').addEventListener('click', copy)
document.addEventListener('visibilitychange', ask)
setInterval(() => { if (!document.hidden) drawTimes() }, 1000)
draw()
setTimeout(goOn, POLL_MS)
`
