/**
 * What the chart of the last hour says in words. Pure: it does not touch the document.
 */
import type { Status } from '../../status.ts'
import type { Words } from '../words.ts'
import { fill, formatNumber } from './format.ts'

type Traffic = Pick<Status['traffic'], 'errors' | 'minutes' | 'requests'>

/** The most requests of one minute; 0 if there were none. */
export function peakOf (minutes: Traffic['minutes']): number {
  return Math.max(0, ...minutes.map(({ requests }) => requests))
}

/** Describes the chart to somebody who cannot see it. */
export function chartText (words: Pick<Words, 'language' | 'traffic'>, { errors, requests }: Traffic): string {
  if (requests === 0) return words.traffic.none
  return fill(words.traffic.chart, { requests: formatNumber(words, requests), errors: formatNumber(words, errors) })
}

/** Names the height of the chart, which has no axis. Without a request there is no peak. */
export function peakText (words: Pick<Words, 'language' | 'traffic'>, { minutes, requests }: Traffic): string {
  if (requests === 0) return words.traffic.none
  return fill(words.traffic.peak, { peak: formatNumber(words, peakOf(minutes)) })
}
