/** Puts results where they are read: into the documents, a chart, and a file that the documents are held against. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { replaceSection } from '../docs/section.ts'
import { drawChart } from './chart.ts'
import { renderReport, renderSummary } from './report.ts'
import { writeResults, type Results } from './results.ts'
import { suites } from './suites/all.ts'

const root = new URL('../../', import.meta.url)
/** Name of the part of a document that is written here. */
export const SECTION = 'bench'
/** The results that are published. */
export const PUBLISHED = fileURLToPath(new URL('results.json', import.meta.url))
/** Where the chart stands, below the root of the project. */
export const CHART = 'docs/images/bench.svg'

/** The part of the README: a chart and a short table; empty while nothing is published. */
export function readmePart (results: Results): string {
  const table = renderSummary(results)
  return table === '' ? '' : `![amsu-proxy beside other reverse proxies; the table has the same figures](${CHART})\n\n${table}`
}

/** The part of docs/internals/benchmark.md: everything. */
export function documentPart (results: Results): string {
  return renderReport(results, suites)
}

/** Writes all of it anew. */
export function publish (results: Results): void {
  writeResults(PUBLISHED, results)
  write('README.md', readmePart(results))
  write('docs/internals/benchmark.md', documentPart(results))
  const chart = drawChart(results)
  if (chart === undefined) {
    rmSync(new URL(CHART, root), { force: true })
    return
  }
  mkdirSync(new URL('docs/images/', root), { recursive: true })
  writeFileSync(new URL(CHART, root), chart)
}

function write (path: string, part: string): void {
  const file = new URL(path, root)
  writeFileSync(file, replaceSection(readFileSync(file, 'utf8'), SECTION, part))
}
