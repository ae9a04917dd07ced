/**
 * Rate-limited log of requests that were rejected before they were relayed. An overload rejects thousands of requests, so they share a
 * line.
 */
import type { BaseLogger } from 'pino'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import { SummedLog } from './summed-log.ts'

/** The interval between two lines with the same code. */
const INTERVAL_MS = 10_000

/** Writes a line for the first rejection at once, and then a line with the count every 10 s while there are more. */
export class RejectionLog extends SummedLog<ErrorCode> {
  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, log: Pick<BaseLogger, 'warn'>) {
    super(clock, INTERVAL_MS, (code, count) => { log.warn({ errorCode: `PROXY.${code}`, count }, 'requests are rejected') })
  }
}
