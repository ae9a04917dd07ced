/**
 * Rate-limited log: what may happen thousands of times a minute shares a line. The log must show it and must not be filled by it.
 */
import type { Clock, Timer } from '../clock.ts'

/** The events since the last line with this key. */
interface Pending {
  count: number
  timer: Timer
}

/** Writes a line for the first event at once, and then a line with the count at each interval while there are more. */
export class SummedLog<Key> {
  readonly #clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
  readonly #intervalMs: number
  readonly #write: (key: Key, count: number) => void
  readonly #pending = new Map<Key, Pending>()

  /**
   * @param intervalMs the interval between two lines with the same key
   * @param write writes a line
   */
  constructor (clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, intervalMs: number, write: (key: Key, count: number) => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#write = write
  }

  /** Adds an event. */
  add (key: Key): void {
    const pending = this.#pending.get(key)
    if (pending === undefined) this.#begin(key, 1)
    else pending.count++
  }

  /** Writes the counts since the last lines, because the process may end before the next ones are due. */
  close (): void {
    for (const [key, { count, timer }] of this.#pending) {
      this.#clock.clearTimeout(timer)
      if (count > 0) this.#write(key, count)
    }
    this.#pending.clear()
  }

  #begin (key: Key, count: number): void {
    this.#write(key, count)
    this.#pending.set(key, { count: 0, timer: this.#clock.setTimeout(() => { this.#onInterval(key) }, this.#intervalMs) })
  }

  #onInterval (key: Key): void {
    const count = this.#pending.get(key)?.count ?? 0
    if (count > 0) this.#begin(key, count)
    else this.#pending.delete(key)
  }
}
