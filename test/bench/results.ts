/** The results of a run: every single figure, with enough about the circumstances to judge it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Machine } from './machine.ts'

/** Figures of one target in one round. */
export interface Sample {
  readonly target: string
  readonly round: number
  readonly figures: Readonly<Record<string, number>>
  /** Something else worked on the proxy's core, or the host took it away. */
  readonly isNoisy: boolean
}

/** Who was measured. */
export interface Entrant { readonly id: string, readonly title: string, readonly version: string, readonly isOurs: boolean }

/** One suite, run once. */
export interface SuiteResult {
  /** Day of the run, as 2026-01-31. */
  readonly date: string
  readonly node: string
  readonly machine: Machine
  readonly rounds: number
  readonly seconds: number
  readonly entrants: readonly Entrant[]
  /** Titles of targets that are not installed. */
  readonly absent: readonly string[]
  readonly samples: readonly Sample[]
}

/** Suites by name; each as it was run last. */
export type Results = Readonly<Record<string, SuiteResult>>

/** Middle and ends of some figures. */
export interface Spread { readonly median: number, readonly least: number, readonly most: number, readonly noisy: number, readonly count: number }

/** A baseline that takes so many times what it took in its best round was disturbed. */
const MAX_OF_BASELINE = 6

/** Reads results; none where there is no file. */
export function readResults (path: string): Results {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as Results : {}
}

/** Puts a suite's result in the place of its last one. */
export function keepResult (path: string, suite: string, result: SuiteResult): void {
  writeResults(path, { ...readResults(path), [suite]: result })
}

/** Writes results, one line for each suite. */
export function writeResults (path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  const lines = Object.entries(results).map(([suite, result]) => `${JSON.stringify(suite)}: ${JSON.stringify(result)}`)
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`)
}

/** Median and range of one figure of a target; undefined when it has none. */
export function spreadOf ({ samples }: SuiteResult, target: string, figure: string): Spread | undefined {
  const mine = samples.filter(sample => sample.target === target && sample.figures[figure] !== undefined)
  return spread(mine.map(sample => sample.figures[figure] ?? NaN), mine.filter(({ isNoisy }) => isNoisy).length)
}

/**
 * How one target's figure compares to another's: the median over the rounds of the ratios within a round, because a machine that
 * is slow for a while is slow for both.
 */
export function ratioOf ({ samples }: SuiteResult, figure: string, target: string, other: string): Spread | undefined {
  const ratios: number[] = []
  for (const { figures, round } of samples.filter(sample => sample.target === target)) {
    const [above, below] = [figures[figure], samples.find(sample => sample.target === other && sample.round === round)?.figures[figure]]
    if (above !== undefined && below !== undefined && below > 0) ratios.push(above / below)
  }
  return spread(ratios, 0)
}

/**
 * Samples less those of a baseline in the same round, which keeps its own; without one in that round a sample is left out. A round
 * in which the baseline itself stood still says nothing of anybody, so that all of it is noisy.
 */
export function beyond (baseline: string, samples: readonly Sample[]): Sample[] {
  const bases = new Map(samples.filter(({ target }) => target === baseline).map(sample => [sample.round, sample.figures]))
  const best = (name: string): number => Math.min(...[...bases.values()].map(figures => figures[name] ?? NaN))
  return samples.flatMap(sample => {
    const base = bases.get(sample.round)
    if (base === undefined) return []
    const isNoisy = sample.isNoisy || Object.entries(base).some(([name, value]) => value > best(name) * MAX_OF_BASELINE)
    if (sample.target === baseline) return [{ ...sample, isNoisy }]
    return [{ ...sample, isNoisy, figures: Object.fromEntries(Object.entries(sample.figures).map(([name, value]) => [name, value - (base[name] ?? NaN)])) }]
  })
}

/** Sum of some values. */
export function sum (values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Median of some values; NaN for none. */
export function median (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

function spread (values: readonly number[], noisy: number): Spread | undefined {
  return values.length === 0 ? undefined : { median: median(values), least: Math.min(...values), most: Math.max(...values), noisy, count: values.length }
}
