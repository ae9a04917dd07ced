/**
 * The script of the status page. It draws what the page came with, and then polls for a new status every few seconds.
 */
import { byId, element, setText, table } from './dom.ts'
import { formatNumber } from './format.ts'
import { view, words } from './page-data.ts'
import { drawQuota } from './quota-section.ts'
import { drawRequests } from './requests-section.ts'
import { drawState } from './state-section.ts'
import { drawTimeline, drawTokenCalls } from './token-section.ts'
import { drawChart } from './traffic-section.ts'

const POLL_MS = 3000
const TIMEOUT_MS = 5000

/** How long the button says that it has copied. */
const COPIED_MS = 2000

/** Draws what changes with the time alone. */
function drawTimes (): void {
  drawState()
  drawTimeline()
  drawQuota()
}

function draw (): void {
  drawTimes()
  drawFacts()
  drawTokenCalls()
  drawChart()
  drawRequests()
  drawSettings()
}

function drawFacts (): void {
  const { firstCall, node, traffic: { errors, inFlight, requests }, version } = view.status
  setText('build', `${version} · Node.js ${node}`)
  setText('in-flight', formatNumber(words, inFlight))
  setText('request-count', formatNumber(words, requests))
  setText('error-count', formatNumber(words, errors))
  setText('first-call', firstCall)
}

function drawSettings (): void {
  const { caption, isDefault: defaultText, name: nameHead, value: valueHead } = words.settings
  const rows = view.status.settings.map(({ isDefault, name, value }) => element('tr', {},
    element('th', { scope: 'row' }, element('code', {}, name)),
    element('td', {}, element('code', {}, value), isDefault ? ` (${defaultText})` : '')))
  byId('settings').replaceChildren(table('', caption, [nameHead, valueHead], rows))
}

/** Asks for the status. A page that nobody sees asks for nothing. */
async function poll (): Promise<void> {
  if (document.hidden) return
  try {
    const response = await window.fetch(location.pathname, { headers: { accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error(String(response.status))
    view.status = await response.json() as typeof view.status
    view.receivedAt = performance.now()
    view.isLost = false
    draw()
  } catch {
    view.isLost = true
    drawTimes()
  }
}

async function pollForever (): Promise<void> {
  await poll()
  setTimeout(() => { start(pollForever) }, POLL_MS)
}

/** Copies the first call; where the browser does not allow that, selects it. */
async function copyFirstCall (): Promise<void> {
  const button = byId('copy')
  try {
    await navigator.clipboard.writeText(view.status.firstCall)
    button.textContent = words.first.copied
    setTimeout(() => { button.textContent = words.first.copy }, COPIED_MS)
  } catch {
    getSelection()?.selectAllChildren(byId('first-call'))
  }
}

/** Starts a task that nobody waits for. If it fails, the console of the browser shows the error. */
function start (task: () => Promise<void>): void {
  task().catch(reportError)
}

byId('copy').addEventListener('click', () => { start(copyFirstCall) })
document.addEventListener('visibilitychange', () => { start(poll) })
setInterval(() => { if (!document.hidden) drawTimes() }, 1000)
draw()
setTimeout(() => { start(pollForever) }, POLL_MS)
