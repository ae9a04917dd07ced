/**
 * A histogram as plain numbers: counting costs a comparison or ten and no memory. What reads it makes the sums.
 */

/** How many values fell below each bound. */
export class Histogram {
  /** Upper bounds, ascending; what is above the last has a bucket of its own. */
  readonly bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor (bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  /** Counts one value. A bound belongs to its bucket (Prometheus: `le`). */
  add (value: number): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && value > (bounds[i] as number)) i++
    this.#counts[i] = (this.#counts[i] as number) + 1
    this.#sum += value
  }

  /** Values up to each bound, one after another; the last entry is how many there were. */
  get cumulated (): number[] {
    let total = 0
    return this.#counts.map(count => (total += count))
  }

  /** All values added up. */
  get sum (): number {
    return this.#sum
  }
}
