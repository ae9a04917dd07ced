/** What a suite is. */
import type { Bench } from '../bench.ts'
import type { Target } from '../target.ts'

/** One column of a suite's table. */
export interface Column {
  /** Name of the figure in the samples. */
  readonly figure: string
  readonly title: string
  readonly digits: number
}

/** Something that is measured for several targets. */
export interface Suite {
  readonly title: string
  /** What is measured and how, as sentences above its table. */
  readonly about: string
  readonly columns: readonly Column[]
  /** The figure by which ours is compared to the others; that of the first column when left out. */
  readonly compares?: string
  /** Targets of its own in place of those that are measured side by side. */
  readonly targets?: () => readonly Target[]
  /** Others take part only if they are named. */
  readonly isOursAlone?: true
  readonly run: (bench: Bench) => Promise<void>
}
