/** Results as Markdown. */
import { renderGoals } from './goals.ts'
import { ratioOf, spreadOf, type Entrant, type Results, type Spread, type SuiteResult } from './results.ts'
import type { Column, Suite } from './suites/suite.ts'
import { targets } from './targets.ts'

/** The columns of the short table, one from each of some suites. */
const SUMMARY: ReadonlyArray<readonly [suite: string, figure: string, title: string, digits: number]> = [
  ['get64', 'cpu', 'µs of CPU a small GET', 0],
  ['latency', 'p50c1', 'added p50, µs', 0],
  ['big', 'up1', 'CPU seconds a GiB sent', 2],
  ['start', 'ms', 'start, ms', 0],
  ['idle', 'fresh', 'idle memory, MiB', 0],
]

/** Renders everything: the goals, then a table for each suite. */
export function renderReport (results: Results, suites: Readonly<Record<string, Suite>>): string {
  const goals = renderGoals(results)
  const measured = Object.entries(suites).flatMap(([name, suite]) => results[name] === undefined ? [] : [{ name, suite, result: results[name] }])
  const all = new Set(measured.map(({ result }) => circumstances(result)))
  const tables = measured.map(({ name, suite, result }) => renderSuite(name, suite, result, all.size > 1))
  // Said once when all of it comes from one run.
  return [...all.size === 1 ? all : [], ...goals === '' ? [] : [`### Goals\n\n${goals}`], ...tables].join('\n\n')
}

/** Renders one table with the columns people ask for first; empty while nothing is measured. */
export function renderSummary (results: Results): string {
  const measured = SUMMARY.flatMap(([suite, figure, title, digits]) => results[suite] === undefined ? [] : [{ result: results[suite], figure, title, digits }])
  const [first] = measured
  if (first === undefined) return ''
  const present = targets.filter(({ id, launch }) => launch !== undefined && measured.some(({ result }) => result.entrants.some(entrant => entrant.id === id)))
  const rows = present.map(({ id, title }) => `| ${title} | ${measured.map(({ result, figure, digits }) => spreadOf(result, id, figure)?.median.toFixed(digits) ?? '').join(' | ')} |`.replaceAll(/ +\|/g, ' |'))
  return [`${circumstances(first.result)}`, '', `| | ${measured.map(({ title }) => title).join(' | ')} |`, `|---|${measured.map(() => '---|').join('')}`, ...rows].join('\n')
}

/** Renders one suite; when and where, only if others were run elsewhere. */
function renderSuite (name: string, { title, about, columns, compares = columns[0]?.figure ?? '' }: Suite, result: SuiteResult, isApart: boolean): string {
  const ours = result.entrants.find(({ isOurs }) => isOurs)
  const rows = result.entrants.map(entrant => {
    const cells = columns.map(column => cell(column, spreadOf(result, entrant.id, column.figure)))
    return `| ${entrant.title} ${entrant.version} | ${cells.join(' | ')} | ${comparison(result, compares, ours, entrant)} |`.replaceAll(/ +\|/g, ' |')
  })
  const missing = result.absent.map(absent => `| ${absent} | not installed |${' |'.repeat(columns.length)}`)
  return [
    `### ${title}`,
    '',
    `${about} (\`npm run bench -- ${name}\`)`,
    ...isApart ? ['', circumstances(result)] : [],
    '',
    `| | ${columns.map(column => column.title).join(' | ')} | ours to it |`,
    `|---|${columns.map(() => '---|').join('')}---|`,
    ...rows,
    ...missing,
  ].join('\n')
}

/** When, where and how long. */
function circumstances ({ date, node, machine, rounds, seconds }: SuiteResult): string {
  return `${date}, ${machine.cpu} with ${machine.cores} cores and ${machine.memoryGib} GiB, ${machine.system}, Node.js ${node}; medians of ${rounds} round${rounds > 1 ? 's' : ''} of ${seconds} s.`
}

/** `31.2 (30.1 to 33.0)`, with a ~ before it when most rounds were disturbed. */
function cell ({ digits }: Column, spread: Spread | undefined): string {
  if (spread === undefined) return ''
  const { median, least, most, noisy, count } = spread
  return `${noisy * 2 > count ? '~' : ''}${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}

/** How ours compares to a row. */
function comparison (result: SuiteResult, figure: string, ours: Entrant | undefined, entrant: Entrant): string {
  if (ours === undefined || entrant.isOurs) return ''
  return ratioOf(result, figure, ours.id, entrant.id)?.median.toFixed(2) ?? ''
}
