import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { readSection } from '../docs/section.ts'
import { drawChart } from './chart.ts'
import { goals, renderGoals } from './goals.ts'
import { renderHighlights } from './highlights.ts'
import { parseOptions } from './options.ts'
import { CHART, documentPart, PUBLISHED, readmePart, READMES, SECTION } from './publish.ts'
import { beyond, keepResult, median, ratioOf, readResults, spreadOf, type Results, type Sample, type SuiteResult } from './results.ts'
import { renderReport, renderSummary } from './report.ts'
import { suites } from './suites/all.ts'
import { targets } from './targets.ts'

const root = new URL('../../', import.meta.url)
const published = readResults(PUBLISHED)
const known = { suites: Object.keys(suites), targets: targets.map(({ id }) => id), node: '/usr/bin/node' }

/** Two targets, three rounds; the machine was at half its speed in the last one. */
const sample: SuiteResult = {
  date: '2026-01-31',
  node: '26.1.0',
  machine: { cpu: 'A & B <1>', cores: 2, memoryGib: 4, system: 'Linux' },
  rounds: 3,
  seconds: 1,
  entrants: [{ id: 'ours', title: '**amsu-proxy**', version: '1.0.0', isOurs: true }, { id: 'go', title: 'Go ReverseProxy', version: '1.19.8', isOurs: false }],
  absent: ['Caddy'],
  samples: [[50, 100], [52, 100], [100, 210]].flatMap(([mine = 0, theirs = 0], round) => [
    { target: 'ours', round, figures: { cpu: mine }, isNoisy: round > 0 },
    { target: 'go', round, figures: { cpu: theirs }, isNoisy: false },
  ]),
}

test('the figures in the READMEs are those that were published; npm run bench -- --publish writes them', async t => {
  for (const language of ['en', 'zh'] as const) t.equal(readSection(readFileSync(new URL(READMES[language], root), 'utf8'), SECTION), readmePart(published, language))
})

test('a README has five figures of amsu-proxy, each beside those of others', async t => {
  const lines = renderHighlights(published).split('\n').filter(line => line.startsWith('- '))
  t.equal(lines.length, 5)
  for (const line of lines) t.match(line, /\*\*[\d.]+ \S+\*\* \(Go ReverseProxy [\d.]+, .*nginx/)
  t.match(renderHighlights({ get64: sample }, 'zh'), '**52 微秒**（Go ReverseProxy 100）')
  t.equal(renderHighlights({}), '')
})

test('the figures in docs/internals/benchmark.md are those that were published; npm run bench -- --publish writes them', async t => {
  t.equal(readSection(readFileSync(new URL('docs/internals/benchmark.md', root), 'utf8'), SECTION), documentPart(published))
})

test('the chart is that of the published figures; npm run bench -- --publish draws it', async t => {
  const file = new URL(CHART, root)
  t.equal(existsSync(file) ? readFileSync(file, 'utf8') : undefined, drawChart(published))
})

test('docs/internals/benchmark.md names every suite and every program', async t => {
  const document = readFileSync(new URL('docs/internals/benchmark.md', root), 'utf8')
  for (const name of known.suites) t.match(document, `\`${name}\``)
  for (const { title } of targets) if (title !== 'no proxy' && !title.includes('amsu-proxy')) t.match(document.toLowerCase(), title.toLowerCase().replace(', unbuffered', ''))
})

test('a median is the middle, or half-way between the two in the middle', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.ok(Number.isNaN(median([])))
})

test('a ratio is taken within a round, where a slow machine is slow for both', async t => {
  t.match(ratioOf(sample, 'cpu', 'ours', 'go'), { median: 0.5, least: 100 / 210, most: 0.52 })
  t.equal(ratioOf(sample, 'cpu', 'ours', 'caddy'), undefined)
})

test('a spread counts the rounds that others disturbed', async t => {
  t.strictSame(spreadOf(sample, 'ours', 'cpu'), { median: 52, least: 50, most: 100, noisy: 2, count: 3 })
  t.equal(spreadOf(sample, 'ours', 'p50'), undefined)
})

test('added time is that beyond the same round without a proxy, and rounds in which that one stood still are noisy for all, were they most of them', async t => {
  const taken = (target: string, times: readonly number[]): Sample[] => times.map((p50, round) => ({ target, round, figures: { p50 }, isNoisy: false }))
  const added = beyond('direct', [...taken('direct', [30, 9_000, 9_001]), ...taken('ours', [230, 240, 250]), ...taken('go', [130, 140, 150, 160])])
  t.strictSame(added.filter(({ target }) => target === 'direct').map(({ figures: { p50 }, isNoisy }) => [p50, isNoisy]), [[30, false], [9_000, true], [9_001, true]])
  t.strictSame(added.filter(({ target }) => target === 'ours').map(({ figures: { p50 }, isNoisy }) => [p50, isNoisy]), [[200, false], [-8_760, true], [-8_751, true]])
  t.strictSame(added.filter(({ target }) => target === 'go').map(({ figures: { p50 }, isNoisy }) => [p50, isNoisy]), [[100, false], [-8_860, true], [-8_851, true]], 'and what has no baseline is left out')
})

test('a report has a row for each program, also for one that is not installed, and marks what was disturbed', async t => {
  const report = renderReport({ get64: sample }, suites)
  t.match(report, '| **amsu-proxy** 1.0.0 | ~52.0 (50.0 to 100.0) | |')
  t.match(report, '| Go ReverseProxy 1.19.8 | 100.0 (100.0 to 210.0) | 0.50 |')
  t.match(report, '| Caddy | not installed | |')
  t.match(report, '2026-01-31, A & B <1> with 2 cores and 4 GiB, Linux, Node.js 26.1.0; medians of 3 rounds of 1 s.')
})

test('each suite has a title, words and columns, so that its results can be read', async t => {
  const results = Object.fromEntries(Object.keys(suites).map(name => [name, sample]))
  const report = renderReport(results, suites)
  for (const [name, { title, about, columns }] of Object.entries(suites)) {
    t.match(report, `### ${title}\n\n${about} (\`npm run bench -- ${name}\`)`)
    t.ok(columns.length > 0, name)
  }
})

test('when and where is said once, or for each suite if they were run apart', async t => {
  const said = (results: Results): number => renderReport(results, suites).split('2026-01-31').length - 1
  t.equal(said({ get64: sample, idle: sample }), 1)
  t.equal(said({ get64: sample, idle: { ...sample, rounds: 9 } }), 2)
})

test('the short table has a row for each program and no row for no proxy', async t => {
  const table = renderSummary({ get64: sample, latency: { ...sample, entrants: [...sample.entrants, { id: 'direct', title: 'no proxy', version: '', isOurs: false }] } })
  t.match(table, '| **amsu-proxy** | 52 | |')
  t.match(table, '| Go ReverseProxy | 100 | |')
  t.notMatch(table, 'no proxy')
})

test('without results there is nothing to show', async t => {
  t.equal(renderSummary({}), '')
  t.equal(renderReport({}, suites), '')
  t.equal(renderGoals({}), '')
  t.equal(drawChart({}), undefined)
})

test('a goal says whether it is missed, met or better than hoped for', async t => {
  const [first] = goals
  const at = (mine: number): Results => ({ get64: { ...sample, samples: [{ target: 'ours', round: 0, figures: { cpu: mine }, isNoisy: false }, { target: 'go', round: 0, figures: { cpu: 100 }, isNoisy: false }] } })
  t.match(renderGoals(at(99)), `| ${first?.title} | 0.99 | 1.30 | 1.00 | better than hoped for |`)
  t.match(renderGoals(at(130)), '| 1.30 | 1.30 | 1.00 | met |')
  t.match(renderGoals(at(131)), '| 1.31 | 1.30 | 1.00 | **missed** |')
})

test('every goal is about a suite, figures and targets that exist', async t => {
  const figures = (name: string): Record<string, number> => Object.fromEntries(suites[name]?.columns.map(({ figure }) => [figure, 1]) ?? [])
  const results = Object.fromEntries(Object.entries(suites).map(([name, suite]) => {
    const ids = (suite.targets?.() ?? targets.filter(({ takesPart }) => takesPart?.(name) !== false)).map(({ id }) => id)
    return [name, { ...sample, samples: ids.map(target => ({ target, round: 0, figures: figures(name), isNoisy: false })) }]
  }))
  for (const { title, of } of goals) t.type(of(results), 'number', title)
})

test('the chart draws the best first, and highlights amsu-proxy', async t => {
  const chart = drawChart({ get64: sample }) ?? ''
  t.ok(chart.indexOf('>amsu-proxy<') < chart.indexOf('>Go ReverseProxy<'))
  t.match(chart, /<rect class="ours"[^>]*width="52"/)
  t.match(chart, /<rect class="bar"[^>]*width="100"/)
  t.match(chart, 'prefers-color-scheme: dark')
})

test('a suite that is run again takes the place of its last result, and no other', async t => {
  const file = `${t.testdir()}/folder/results.json`
  keepResult(file, 'get64', sample)
  keepResult(file, 'idle', sample)
  keepResult(file, 'get64', { ...sample, rounds: 9 })
  t.strictSame(readResults(file), { get64: { ...sample, rounds: 9 }, idle: sample })
  t.strictSame(readResults('/nonexistent'), {})
})

test('the command line names suites and targets, and rejects an unknown name', async t => {
  t.match(parseOptions([], known), { action: 'run', suites: known.suites, rounds: 7, seconds: 3, only: undefined, node: '/usr/bin/node' })
  t.match(parseOptions(['get64', 'check', '--only', 'ours, go', '--rounds', '2', '--node', 'n'], known), { suites: ['get64', 'check'], only: ['ours', 'go'], rounds: 2, node: 'n' })
  t.match(parseOptions(['--publish'], known), { action: 'publish' })
  t.match(parseOptions(['--install'], known), { action: 'install' })
  for (const [args, message] of [
    [['got64'], /^there is no suite got64; there are check, get64, /],
    [['--only', 'gopher'], /^there is no target gopher; there are ours, /],
    [['--rounds', '0'], /^--rounds must be a whole number from 1 to 1000$/],
    [['--seconds', '1.5'], /^--seconds must be a whole number/],
    [['--requests', ''], /^--requests must be a whole number/],
    [['--fast'], /Unknown option '--fast'/],
  ] as const) t.throws(() => parseOptions([...args], known), { message })
})
