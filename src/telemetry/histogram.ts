/**
 * Histogram of plain numbers: counting a value costs a few comparisons and no memory. The reader computes the sums.
 */

/** Counts values by bucket. */
export class Histogram {
  /** Upper bounds, ascending; values above the last have a bucket of their own. */
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

  /** The number of values up to each bound; the last entry is the number of all values. */
  get cumulative (): number[] {
    let total = 0
    return this.#counts.map(count => (total += count))
  }

  /** The sum of all values. */
  get sum (): number {
    return this.#sum
  }
}
