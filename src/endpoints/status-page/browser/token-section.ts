/**
 * The card of the access token: its lifetime as a line, and the last token calls.
 */
import { byId, element, softText, table } from './dom.ts'
import { fill, formatDuration, formatTime } from './format.ts'
import { durationLeft, secondsLeft, view, words } from './page-data.ts'

/** Stands for the tick of the line in the text below it. */
const TICK_SIGN = '▏'

/** What a line needs of a token. */
interface Lifetime {
  readonly life: number
  readonly ends: number
  readonly renews: number
}

/** Draws the lifetime of the token and of its refresh token. */
export function drawTimeline (): void {
  const { refreshTokenExpiresInSeconds: refresh, tokenExpiresInSeconds: ends, tokenLifeSeconds: life, tokenRenewsInSeconds: renews } = view.status.token
  const parts = life === null || ends === null ? [element('p', {}, words.token.none)] : timeline({ life, ends, renews: renews ?? 0 })
  if (refresh !== null) parts.push(softText(fill(words.token.refresh, { refresh: durationLeft(refresh) })))
  byId('timeline').replaceChildren(...parts)
}

/** Draws the table of token calls. */
export function drawTokenCalls (): void {
  const { call: callHead, callNames, calls, outcome: outcomeHead, outcomes, time } = words.token
  const rows = view.status.tokenCalls.map(({ call, endedAt, outcome }) => element('tr', {},
    element('td', { class: 'no' }, formatTime(words, endedAt)),
    element('td', {}, callNames[call]),
    element('td', {}, outcomes[outcome])))
  byId('token-calls').replaceChildren(table('', calls, [time, callHead, outcomeHead], rows))
}

function timeline ({ ends, life, renews }: Lifetime): Element[] {
  const { due, ends: endsText, obtained, renews: renewsText, timeline: label } = words.token
  const spent = life - secondsLeft(ends)
  const values = { spent: formatDuration(words, spent), renews: durationLeft(renews), ends: durationLeft(ends) }
  const x = (seconds: number): string => `${(100 * Math.min(1, Math.max(0, seconds / Math.max(1, life)))).toFixed(2)}%`
  const tick = renews > 0 ? [element('rect', { class: 'tick', x: x(life - ends + renews), width: 2, height: 26 })] : []
  const renewal = renews > 0 ? TICK_SIGN + fill(renewsText, { time: formatTime(words, Date.parse(view.status.now) + renews * 1000) }) : due
  return [
    element('svg', { height: 26, role: 'img', 'aria-label': fill(label, values) },
      element('rect', { class: 'track', y: 6, width: '100%', height: 14, rx: 7 }),
      element('rect', { class: 'life', y: 6, width: x(spent), height: 14, rx: 7 }),
      ...tick),
    element('p', { class: 'ends' }, element('span', {}, fill(obtained, values)), element('span', {}, fill(endsText, values))),
    softText(renewal),
  ]
}
