/**
 * Token waiters: requests that wait for the same token renewal, each with its own timeout.
 */
import type { Clock } from '../clock.ts'

interface Waiter<T> { readonly resolve: (value: T) => void, readonly reject: (error: Error) => void }

/** Options of one wait. */
export interface WaitOptions {
  readonly timeoutMs: number
  /** Ends the wait when the client disconnects. */
  readonly signal: AbortSignal
  /** Creates the error of a wait that timed out or was aborted. */
  readonly toError: () => Error
}

/** The requests that wait now. */
export class TokenWaiters<T> {
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter<T>>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Waits until {@link resolveAll} or {@link rejectAll}, the timeout or the abort. */
  async wait ({ timeoutMs, signal, toError }: WaitOptions): Promise<T> {
    return await new Promise((resolve, reject) => {
      const fail = (): void => { waiter.reject(toError()) }
      const timer = this.#clock.setTimeout(fail, timeoutMs)
      const removeWaiter = (): void => {
        this.#waiters.delete(waiter)
        this.#clock.clearTimeout(timer)
        signal.removeEventListener('abort', fail)
      }
      const waiter: Waiter<T> = {
        resolve (value) {
          removeWaiter()
          resolve(value)
        },
        reject (error) {
          removeWaiter()
          reject(error)
        },
      }
      signal.addEventListener('abort', fail)
      this.#waiters.add(waiter)
    })
  }

  /** Resolves every wait with `value`. */
  resolveAll (value: T): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(value)
  }

  /** Rejects every wait, each with its own error. */
  rejectAll (toError: () => Error): void {
    for (const waiter of [...this.#waiters]) waiter.reject(toError())
  }
}
