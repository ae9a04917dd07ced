/**
 * Requests that wait for one thing: they all get it, or each gives up in its own time.
 */
import type { Clock } from '../clock.ts'

interface Waiter<T> { readonly resolve: (value: T) => void, readonly reject: (error: Error) => void }

/** How long one waits and what it is told otherwise. */
export interface WaitOptions {
  readonly timeoutMs: number
  /** Ends the wait when the caller is gone. */
  readonly signal: AbortSignal
  /** Makes the error of a wait that took too long, or whose caller is gone. */
  readonly toError: () => Error
}

/** Everybody who waits at the moment. */
export class TokenWaiters<T> {
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter<T>>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Waits until {@link resolveAll} or {@link rejectAll}, or for as long as the options say. */
  async wait ({ timeoutMs, signal, toError }: WaitOptions): Promise<T> {
    return await new Promise((resolve, reject) => {
      const giveUp = (): void => { waiter.reject(toError()) }
      const timer = this.#clock.setTimeout(giveUp, timeoutMs)
      const removeWaiter = (): void => {
        this.#waiters.delete(waiter)
        this.#clock.clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
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
      signal.addEventListener('abort', giveUp)
      this.#waiters.add(waiter)
    })
  }

  /** Gives everybody what they wait for. */
  resolveAll (value: T): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(value)
  }

  /** Sends everybody away, each with an error of its own. */
  rejectAll (toError: () => Error): void {
    for (const waiter of [...this.#waiters]) waiter.reject(toError())
  }
}
