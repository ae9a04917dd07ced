/** Results as Markdown. */
import { renderGoals } from './goals.ts'
import { ratioOf, spreadOf, type Entrant, type Results, type Spread, type SuiteResult } from './results.ts'
import type { Column, Suite } from './suites/suite.ts'

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
  const tables = Object.entries(suites).flatMap(([name, suite]) => {
    const result = results[name]
    return result === undefined ? [] : [renderSuite(name, suite, result)]
  })
  return [...goals === '' ? [] : [`### Goals\n\n${goals}`], ...tables].join('\n\n')
}

/** Renders one table with the columns people ask for first; empty while nothing is measured. */
export function renderSummary (results: Results): string {
  const measured = SUMMARY.flatMap(([suite, figure, title, digits]) => results[suite] === undefined ? [] : [{ result: results[suite], figure, title, digits }])
  const [first] = measured
  if (first === undefined) return ''
  const titles = [...new Set(measured.flatMap(({ result }) => result.entrants.map(({ title }) => title)))]
  const rows = titles.map(title => `| ${title} | ${measured.map(({ result, figure, digits }) => {
    const entrant = result.entrants.find(one => one.title === title)
    return entrant === undefined ? '' : spreadOf(result, entrant.id, figure)?.median.toFixed(digits) ?? ''
  }).join(' | ')} |`)
  return [`${circumstances(first.result)}`, '', `| | ${measured.map(({ title }) => title).join(' | ')} |`, `|---|${measured.map(() => '---|').join('')}`, ...rows].join('\n')
}

/** Renders one suite. */
export function renderSuite (name: string, { title, about, columns }: Suite, result: SuiteResult): string {
  const ours = result.entrants.find(({ isOurs }) => isOurs)
  const rows = result.entrants.map(entrant => {
    const cells = columns.map(column => cell(column, spreadOf(result, entrant.id, column.figure)))
    return `| ${entrant.title} ${entrant.version} | ${cells.join(' | ')} | ${comparison(result, columns, ours, entrant)} |`.replaceAll(/ +\|/g, ' |')
  })
  const missing = result.absent.map(absent => `| ${absent} | not installed |${' |'.repeat(columns.length)}`)
  return [
    `### ${title}`,
    '',
    `${about} \`npm run bench -- ${name}\`: ${circumstances(result)}`,
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

/** How ours compares to a row, in the first column. */
function comparison (result: SuiteResult, [column]: readonly Column[], ours: Entrant | undefined, entrant: Entrant): string {
  if (ours === undefined || column === undefined || entrant.isOurs) return ''
  return ratioOf(result, column.figure, ours.id, entrant.id)?.median.toFixed(2) ?? ''
}
