/**
 * Rate-limited log of client connections that were closed at the connection limit: a flood must not fill the log.
 */
import type { BaseLogger } from 'pino'
import type { Clock } from '../clock.ts'
import { SummedLog } from './summed-log.ts'

/** The interval between two lines about the same limit. */
const INTERVAL_MS = 60_000

/** Writes a line for the first connection at once, and then a line with the count every minute while there are more. The key is the limit. */
export class EvictionLog extends SummedLog<number> {
  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, log: Pick<BaseLogger, 'warn'>) {
    super(clock, INTERVAL_MS, (limit, count) => { log.warn({ limit, count }, 'client connections are closed because the connection limit is reached: give the process more open files or memory') })
  }
}
