/** Publishes results: in the documents, a chart, and a file that the tests compare with the documents. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { replaceSection } from '../docs/section.ts'
import { drawChart } from './chart.ts'
import { renderHighlights, type Language } from './highlights.ts'
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

/** The READMEs, by language. */
export const READMES: Readonly<Record<Language, string>> = { en: 'README.md', zh: 'README.zh-CN.md' }

const CHART_TITLES: Readonly<Record<Language, string>> = { en: 'amsu-proxy beside other reverse proxies', zh: 'amsu-proxy 与其他反向代理的比较' }

/** The part of a README: a chart and five figures; empty while nothing is published. */
export function readmePart (results: Results, language: Language = 'en'): string {
  const highlights = renderHighlights(results, language)
  return highlights === '' ? '' : `![${CHART_TITLES[language]}](${CHART})\n\n${highlights}`
}

/** The part of docs/internals/benchmark.md: a short table, then everything. */
export function documentPart (results: Results): string {
  const summary = renderSummary(results)
  return `${summary === '' ? '' : `### At a glance\n\n${summary}\n\n`}${renderReport(results, suites)}`
}

/** Writes all of it anew. */
export function publish (results: Results): void {
  writeResults(PUBLISHED, results)
  for (const language of ['en', 'zh'] as const) write(READMES[language], readmePart(results, language))
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
