/**
 * The card of the last hour: a bar a minute, with the errors at its foot.
 */
import { byId, element, softText } from './dom.ts'
import { view, words } from './page-data.ts'
import { chartText, peakOf, peakText } from './traffic-summary.ts'

/** Height of the chart, of its highest bar and of the ground on which bars stand, in pixels. */
const HEIGHT = 100
const MAX_BAR = 92
const GROUND = 96

/** Bars are at least this high, to be seen. */
const MIN_BAR = 1.5

type Minute = typeof view.status.traffic.minutes[number]

/** Draws the chart. */
export function drawChart (): void {
  const { traffic } = view.status
  const peak = peakOf(traffic.minutes)
  const bars = traffic.minutes.flatMap((minute, i) => barsOf(minute, `${((i + 0.1) / traffic.minutes.length * 100).toFixed(2)}%`, peak))
  byId('chart').replaceChildren(
    element('svg', { height: HEIGHT, role: 'img', 'aria-label': chartText(words, traffic) }, ...bars),
    element('p', { class: 'ends' }, element('span', {}, words.traffic.ago), element('span', {}, peakText(words, traffic)), element('span', {}, words.token.now)),
    softText(element('span', { class: 'key' }, words.traffic.ok), element('span', { class: 'key bad' }, words.traffic.errors)))
}

function barsOf ({ errors, requests }: Minute, x: string, peak: number): Element[] {
  const bar = (name: string, from: number, count: number): Element => element('rect', {
    class: name,
    x,
    width: '1.33%',
    y: (GROUND - MAX_BAR * (from + count) / peak).toFixed(1),
    height: Math.max(MIN_BAR, MAX_BAR * count / peak).toFixed(1),
    rx: 1.5,
  })
  if (requests === 0) return [element('rect', { class: 'quiet', x, width: '1.33%', y: GROUND - 2, height: 2, rx: 1 })]
  return [...requests > errors ? [bar('good', errors, requests - errors)] : [], ...errors > 0 ? [bar('fault', 0, errors)] : []]
}
