/**
 * Rate-limited log of requests that were rejected before they were relayed. An overload rejects thousands of requests, so they share a
 * line: the log must show an overload and must not be filled by it.
 */
import type { BaseLogger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'

/** The interval between two lines with the same code. */
const INTERVAL_MS = 10_000

/** The rejections since the last line with this code. */
interface Pending {
  count: number
  timer: Timer
}

/** Writes a line for the first rejection at once, and then a line with the count every 10 s while there are more. */
export class RejectionLog {
  readonly #clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
  readonly #log: Pick<BaseLogger, 'warn'>
  readonly #pending = new Map<ErrorCode, Pending>()

  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, log: Pick<BaseLogger, 'warn'>) {
    this.#clock = clock
    this.#log = log
  }

  /** Adds a request that was rejected with this code. */
  add (code: ErrorCode): void {
    const pending = this.#pending.get(code)
    if (pending === undefined) this.#write(code, 1)
    else pending.count++
  }

  /** Writes the counts since the last lines, because the process may end before the next ones are due. */
  close (): void {
    for (const [code, { count, timer }] of this.#pending) {
      this.#clock.clearTimeout(timer)
      if (count > 0) this.#writeLine(code, count)
    }
    this.#pending.clear()
  }

  #write (code: ErrorCode, count: number): void {
    this.#writeLine(code, count)
    this.#pending.set(code, { count: 0, timer: this.#clock.setTimeout(() => { this.#onInterval(code) }, INTERVAL_MS) })
  }

  #onInterval (code: ErrorCode): void {
    const count = this.#pending.get(code)?.count ?? 0
    if (count > 0) this.#write(code, count)
    else this.#pending.delete(code)
  }

  #writeLine (code: ErrorCode, count: number): void {
    this.#log.warn({ errorCode: `PROXY.${code}`, count }, 'requests are rejected')
  }
}
