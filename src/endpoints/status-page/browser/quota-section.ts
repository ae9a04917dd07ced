/**
 * The card of the quota: what is left of each family of analyses.
 */
import { byId, element, softText } from './dom.ts'
import { fill, formatDuration, formatNumber } from './format.ts'
import { familyName, secondsPassed, view, words } from './page-data.ts'

/** Draws the quota. */
export function drawQuota (): void {
  const { families, isFailing } = view.status.quota
  const list = element('dl', { class: 'quota' }, ...families.map(({ family, remaining }) => element('div', {},
    element('dt', { title: family }, familyName(family)),
    // AMSU says -1 for a family without a limit.
    element('dd', remaining === 0 ? { class: 'empty' } : {}, remaining < 0 ? words.quota.unlimited : formatNumber(words, remaining)))))
  byId('quota').replaceChildren(list, softText(isFailing ? `${readText()} ${words.quota.failing}` : readText()))
}

/** When the quota was read. */
function readText (): string {
  const { now, quota: { isPolled, readAt } } = view.status
  if (!isPolled) return words.quota.off
  if (readAt === null) return words.quota.unread
  const age = Math.round((Date.parse(now) - Date.parse(readAt)) / 1000) + secondsPassed()
  return fill(words.quota.read, { ago: formatDuration(words, Math.max(0, age)) })
}
