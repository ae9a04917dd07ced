/**
 * How far this machine's clock is from AMSU's, as its answers tell it (`Date`, RFC 9110 section 6.6.1).
 */
import type { BaseLogger } from 'pino'
import type { Clock } from '../clock.ts'
import type { AnswerHead } from './amsu-token-api.ts'

/** A clock that is off by more than this is worth a word, in seconds; `Date` itself is exact to a second. */
export const LARGEST_SKEW_SECONDS = 30

/** Seconds by which this clock is ahead of AMSU's, negative when it is behind; undefined when the answer does not tell. */
export function skewSeconds ({ headers }: Pick<AnswerHead, 'headers'>, wallNow: number): number | undefined {
  const date = Date.parse(String(headers['date']))
  return Number.isNaN(date) ? undefined : Math.round((wallNow - date) / 1000)
}

/** Makes a listener for answers that warns of a clock that is off: once, and again when it has been right in between. */
export function createSkewWarning (clock: Pick<Clock, 'wall'>, log: Pick<BaseLogger, 'warn'>): (head: Pick<AnswerHead, 'headers'>) => void {
  let isOff = false
  return head => {
    const skew = skewSeconds(head, clock.wall())
    if (skew === undefined) return
    const wasOff = isOff
    isOff = Math.abs(skew) > LARGEST_SKEW_SECONDS
    if (isOff && !wasOff) log.warn({ clockSkewSeconds: skew }, `the clock of this machine is ${skew > 0 ? 'ahead of' : 'behind'} the clock of AMSU: set it, certificates and the times in the log depend on it`)
  }
}
