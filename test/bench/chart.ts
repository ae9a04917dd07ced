/** Results as bars, in one SVG that fits a light page and a dark one. */
import { spreadOf, type Results, type Spread } from './results.ts'

/** What is drawn: one panel each, short bars are good. */
const PANELS: ReadonlyArray<readonly [suite: string, figure: string, title: string, digits: number]> = [
  ['get64', 'cpu', 'µs of CPU for a small GET', 0],
  ['post64', 'cpu', 'µs of CPU for a small POST', 0],
  ['latency', 'p50c1', 'µs added to a GET (p50)', 0],
  ['big', 'up1', 'seconds of CPU for a GiB sent', 2],
  ['start', 'ms', 'ms to the first response', 0],
  ['idle', 'fresh', 'MiB resident when idle', 0],
]

const WIDTH = 880
const PANEL_WIDTH = 420
const NAME_WIDTH = 150
const BAR_WIDTH = 210
const ROW_HEIGHT = 20
const HEAD_HEIGHT = 30

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .head { font-weight: 600 }
    .bar { fill: #afb8c1 }
    .ours { fill: #0969da }
    .range { stroke: #1f2328; stroke-opacity: .55 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .bar { fill: #57606a }
      .ours { fill: #4493f8 }
      .range { stroke: #e6edf3 }
    }`

interface Bar { readonly name: string, readonly isOurs: boolean, readonly spread: Spread }

/** Draws what has been measured; undefined while nothing has. */
export function drawChart (results: Results): string | undefined {
  const panels = PANELS.flatMap(([suite, figure, title, digits]) => {
    const bars = barsOf(results, suite, figure)
    return bars.length === 0 ? [] : [{ title, digits, bars }]
  })
  if (panels.length === 0) return undefined
  const rows = Math.max(...panels.map(({ bars }) => bars.length))
  const panelHeight = HEAD_HEIGHT + rows * ROW_HEIGHT + 24
  const height = Math.ceil(panels.length / 2) * panelHeight
  const drawn = panels.map((panel, i) => drawPanel(panel, (i % 2) * (WIDTH - PANEL_WIDTH), Math.floor(i / 2) * panelHeight))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="amsu-proxy beside other reverse proxies; short bars are good">
  <style>${STYLE}
  </style>
${drawn.join('\n')}
</svg>
`
}

function drawPanel ({ title, digits, bars }: { title: string, digits: number, bars: readonly Bar[] }, left: number, top: number): string {
  const longest = Math.max(...bars.map(({ spread }) => spread.most), Number.MIN_VALUE)
  const length = (value: number): number => Math.round(Math.max(value, 0) / longest * BAR_WIDTH * 10) / 10
  const rows = bars.map(({ name, isOurs, spread: { median, least, most } }, i) => {
    const y = HEAD_HEIGHT + i * ROW_HEIGHT
    return `    <text x="${NAME_WIDTH - 8}" y="${y + 13}" text-anchor="end"${isOurs ? ' class="head"' : ''}>${escape(name)}</text>
    <rect class="${isOurs ? 'ours' : 'bar'}" x="${NAME_WIDTH}" y="${y + 3}" width="${length(median)}" height="${ROW_HEIGHT - 6}" rx="2"/>
    <path class="range" d="M${NAME_WIDTH + length(least)} ${y + ROW_HEIGHT / 2}H${NAME_WIDTH + length(most)}"/>
    <text x="${NAME_WIDTH + length(most) + 6}" y="${y + 13}"${isOurs ? ' class="head"' : ''}>${median.toFixed(digits)}</text>`
  })
  return `  <g transform="translate(${left} ${top})">
    <text class="head" x="${NAME_WIDTH}" y="20">${escape(title)}</text>
${rows.join('\n')}
  </g>`
}

/** Best first. */
function barsOf (results: Results, suite: string, figure: string): Bar[] {
  const result = results[suite]
  if (result === undefined) return []
  return result.entrants.flatMap(({ id, title, isOurs }) => {
    const spread = id === 'direct' ? undefined : spreadOf(result, id, figure)
    return spread === undefined ? [] : [{ name: title.replaceAll('*', ''), isOurs, spread }]
  }).sort((a, b) => a.spread.median - b.spread.median)
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
