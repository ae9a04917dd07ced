/**
 * Rate-limited log of relayed requests that failed and that an operator can act on. The line of each request has level info, so at
 * a level above info only these lines report an outage or contain the stack trace of a defect.
 */
import type { BaseLogger } from 'pino'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import type { Outcome } from '../relay/context.ts'
import { isOperatorsConcern } from './access-log.ts'
import { loggedError } from './logger.ts'
import { SummedLog } from './summed-log.ts'

/** The interval between two lines with the same code. */
const INTERVAL_MS = 60_000

/** Writes a line for the first failure with a code at once, and then a line with the count every minute while there are more. */
export class FailureLog {
  readonly #lines: SummedLog<ErrorCode>
  readonly #log: Pick<BaseLogger, 'warn' | 'error'>
  /** The last failure with each code, until it is written: the line names it as an example. */
  readonly #last = new Map<ErrorCode, Pick<Outcome, 'cause' | 'requestId'>>()

  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, log: Pick<BaseLogger, 'warn' | 'error'>) {
    this.#log = log
    this.#lines = new SummedLog(clock, INTERVAL_MS, (code, count) => { this.#write(code, count) })
  }

  /** Adds a relayed request, however it ended. */
  add ({ cause, errorCode, requestId }: Outcome): void {
    if (errorCode === undefined || !isOperatorsConcern(errorCode)) return
    this.#last.set(errorCode, { cause, requestId })
    this.#lines.add(errorCode)
  }

  /** Writes the counts since the last lines. */
  close (): void {
    this.#lines.close()
  }

  #write (code: ErrorCode, count: number): void {
    const { cause, requestId } = this.#last.get(code) ?? {}
    this.#last.delete(code)
    const line = { errorCode: `PROXY.${code}`, count, requestId, ...(cause === undefined ? {} : { cause: loggedError(cause) }) }
    if (code === 'INTERNAL') this.#log.error(line, 'requests met a defect of the proxy: please report it')
    else this.#log.warn(line, 'requests to AMSU failed')
  }
}
