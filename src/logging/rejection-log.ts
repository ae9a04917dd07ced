/**
 * Requests that were turned away before the relay took them, in the log. They come by the thousand when there are too many, so they
 * share a line: an overload must be seen in the log, and must not fill it.
 */
import type { BaseLogger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'

/** From one line to the next with the same code. */
const GAP_MS = 10_000

/** What was turned away since the last line with this code. */
interface Pending {
  count: number
  timer: Timer
}

/** Writes a line for the first refusal at once, and from then on what was counted, every 10 s for as long as there are more. */
export class RejectionLog {
  readonly #clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
  readonly #log: Pick<BaseLogger, 'warn'>
  readonly #pending = new Map<ErrorCode, Pending>()

  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, log: Pick<BaseLogger, 'warn'>) {
    this.#clock = clock
    this.#log = log
  }

  /** A request was answered with this code instead of being relayed. */
  add (code: ErrorCode): void {
    const pending = this.#pending.get(code)
    if (pending === undefined) this.#write(code, 1)
    else pending.count++
  }

  /** Writes what was counted since the last lines: the process may end before their time has come. */
  close (): void {
    for (const [code, { count, timer }] of this.#pending) {
      this.#clock.clearTimeout(timer)
      if (count > 0) this.#tell(code, count)
    }
    this.#pending.clear()
  }

  #write (code: ErrorCode, count: number): void {
    this.#tell(code, count)
    this.#pending.set(code, { count: 0, timer: this.#clock.setTimeout(() => { this.#goOn(code) }, GAP_MS) })
  }

  #goOn (code: ErrorCode): void {
    const count = this.#pending.get(code)?.count ?? 0
    if (count > 0) this.#write(code, count)
    else this.#pending.delete(code)
  }

  #tell (code: ErrorCode, count: number): void {
    this.#log.warn({ errorCode: `PROXY.${code}`, count }, 'requests are turned away')
  }
}
