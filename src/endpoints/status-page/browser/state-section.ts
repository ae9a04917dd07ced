/**
 * The first card: what the proxy is doing, in one word and one colour, and what an operator should act on.
 */
import { byId, setText } from './dom.ts'
import { fill, formatDuration, formatNumber } from './format.ts'
import { durationLeft, familyName, secondsPassed, view, words } from './page-data.ts'

type StateName = keyof typeof words.states

/** The colour of each state; a state without a usable token is red, except while the proxy starts, renews or drains. */
const LEVELS = { starting: 'busy', serving: 'ok', renewing: 'busy', token_endpoint_down: 'warn', credentials_rejected: 'warn', draining: 'off' } as const

/** The colours of the icon, as a URL writes `#`. */
const ICON_COLOURS = { ok: '%2314804a', busy: '%231f5fbf', warn: '%23d98a00', bad: '%23c02b2b', off: '%235b6675' } as const

/** Draws the state and what follows from it. */
export function drawState (): void {
  const { isLost, status } = view
  const passed = secondsPassed()
  const name = stateName()
  const [title = '', detail = ''] = words.states[name]
  setText('state', title)
  setText('detail', fill(detail, detailValues(passed)))
  document.title = `${title} · amsu-proxy`
  setLevel(levelOf(name))
  document.body.toggleAttribute('data-stale', isLost)
  setText('uptime', formatDuration(words, status.uptimeSeconds + (isLost ? 0 : passed)))
  drawNotes()
}

function stateName (): StateName {
  if (view.isLost) return 'unreachable'
  const { isServing, state } = view.status
  const without = `${state}_without`
  return !isServing && without in words.states ? without as StateName : state
}

function levelOf (name: StateName): keyof typeof ICON_COLOURS {
  if (name === 'unreachable') return 'bad'
  const { state } = view.status
  return name !== state && state !== 'renewing' ? 'bad' : LEVELS[state]
}

function detailValues (passed: number): Record<string, string> {
  const { token, traffic } = view.status
  return {
    renews: durationLeft(token.tokenRenewsInSeconds),
    ends: durationLeft(token.tokenExpiresInSeconds),
    next: token.nextAttemptInSeconds === null ? words.attempting : fill(words.nextAttempt, { next: durationLeft(token.nextAttemptInSeconds) }),
    inFlight: formatNumber(words, traffic.inFlight),
    ago: formatDuration(words, passed),
  }
}

/** Written only if it changes: a new icon makes some browsers fetch it again. */
function setLevel (level: keyof typeof ICON_COLOURS): void {
  if (document.body.dataset['level'] === level) return
  document.body.dataset['level'] = level
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  if (icon !== null) icon.href = `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${ICON_COLOURS[level]}"/></svg>`
}

/** Shows a sentence for each warning that needs somebody to act. While the proxy cannot be reached, none is shown: its state is unknown. */
function drawNotes (): void {
  const { clock: { isOff, skewSeconds }, quota, token, warnings } = view.status
  const usedUp = quota.families.filter(({ remaining }) => remaining === 0).map(({ family }) => familyName(family))
  const skew = skewSeconds ?? 0
  drawNote('failure', failureText())
  drawNote('rejected', token.areNewCredentialsRejected ? words.rejected : '')
  drawNote('unreachable', warnings.includes('amsu_unreachable') ? words.unreachable : '')
  drawNote('used-up', usedUp.length === 0 ? '' : fill(words.quota.usedUp, { families: new Intl.ListFormat(words.language).format(usedUp) }))
  drawNote('clock', isOff ? fill(skew > 0 ? words.clock.ahead : words.clock.behind, { skew: formatDuration(words, Math.abs(skew)) }) : '')
}

function drawNote (id: string, text: string): void {
  setText(id, view.isLost ? '' : text)
  byId(id).hidden = view.isLost || text === ''
}

function failureText (): string {
  const { failureCode, failureStatus } = view.status.token
  const { codes, other, withCode, withStatus } = words.failure
  if (failureStatus !== null) return fill(withStatus, { status: failureStatus })
  return failureCode === null ? '' : fill(withCode, { code: failureCode, why: codes[failureCode] ?? other })
}
