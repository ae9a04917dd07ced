/**
 * The card of the last requests.
 */
import { byId, element, softText, table } from './dom.ts'
import { formatMilliseconds, formatTime } from './format.ts'
import { view, words } from './page-data.ts'

type PastRequest = typeof view.status.requests[number]

/** Draws the last requests, newest first. */
export function drawRequests (): void {
  const { caller, caption, duration, id, none, request, status, time } = words.requests
  const rows = view.status.requests.map(rowOf)
  byId('log').replaceChildren(rows.length === 0 ? softText(none) : table('log', caption, [time, request, status, duration, caller, id], rows))
}

function rowOf ({ caller, durationMs, endedAt, errorCode, method, path, requestId, status }: PastRequest): Element {
  return element('tr', {},
    element('td', { class: 'no' }, formatTime(words, endedAt)),
    element('td', { class: 'path' }, element('code', {}, `${method} ${path}`)),
    element('td', {}, element('span', { class: 'pill', 'data-level': levelOf(status), title: errorCode ?? '' }, String(status))),
    element('td', { class: 'no' }, formatMilliseconds(words, durationMs)),
    element('td', {}, caller ?? '–'),
    element('td', { class: 'id' }, element('code', {}, requestId)))
}

function levelOf (status: number): string {
  if (status < 400) return 'ok'
  return status < 500 ? 'warn' : 'bad'
}
