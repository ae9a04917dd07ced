/** When the machine was too busy for timeouts to mean anything: how late the storm's own timers and the proxies' health checks were. */

const everyMs = 20
/** Less is not kept. */
const leastMs = 40

/** A book of delays. */
export class Lateness {
  readonly #entries: Array<{ readonly from: number, readonly to: number, readonly ms: number }> = []
  #last = performance.now()
  readonly #timer = setInterval(() => { this.#look() }, everyMs)

  /** Longest delay between two times, in milliseconds. */
  readonly worst = (from: number, to: number): number => {
    this.#look()
    return this.#entries.reduce((worst, entry) => entry.from < to && entry.to > from ? Math.max(worst, entry.ms) : worst, 0)
  }

  /** Takes a delay that was seen elsewhere. */
  note (from: number, to: number, ms: number): void {
    if (ms < leastMs) return
    this.#entries.push({ from, to, ms })
    if (this.#entries.length > 5_000) this.#entries.splice(0, 1_000)
  }

  /** Stops looking. */
  close (): void {
    clearInterval(this.#timer)
  }

  #look (): void {
    const now = performance.now()
    this.note(this.#last, now, now - this.#last - everyMs)
    this.#last = now
  }
}
