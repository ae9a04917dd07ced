/** The goals of the proxy, as ratios to other proxies in the same run: ratios hold on any machine, absolute figures do not. */
import { ratioOf, spreadOf, type Results } from './results.ts'

/** One thing that is asked for. */
export interface Goal {
  readonly title: string
  readonly unit: '' | 'µs' | 'MiB'
  /** At most this; more is a defect. */
  readonly must: number
  /** The target. */
  readonly aim: number
  /** Undefined while it is not measured. */
  readonly of: (results: Results) => number | undefined
}

/** All goals. */
export const goals: readonly Goal[] = [
  { title: 'CPU of a small GET against Go’s ReverseProxy', unit: '', must: 1.3, aim: 1, of: ratio('get64', 'cpu', 'ours', 'go') },
  { title: 'against @fastify/http-proxy as it comes', unit: '', must: 0.65, aim: 0.45, of: ratio('get64', 'cpu', 'ours', 'fastify-http-proxy') },
  { title: 'against Caddy', unit: '', must: 0.9, aim: 0.6, of: ratio('get64', 'cpu', 'ours', 'caddy') },
  { title: 'everything on against everything off', unit: '', must: 1.25, aim: 1.1, of: ratio('features', 'cpuGet', 'everything-on', 'everything-off') },
  { title: 'added p50 at 1 connection against Go’s', unit: '', must: 1.3, aim: 1, of: ratio('latency', 'p50c1', 'ours', 'go') },
  { title: 'added p50 at 1 connection against Go’s, in the image', unit: '', must: 1.3, aim: 1, of: ratio('latency', 'p50c1', 'ours-image', 'go') },
  { title: 'added p99 at 8 connections, beyond Go’s', unit: 'µs', must: 1000, aim: 0, of: difference('latency', 'p99c8', 'ours', 'go') },
  { title: 'added p99 at 8 connections, beyond Go’s, in the image', unit: 'µs', must: 1000, aim: 0, of: difference('latency', 'p99c8', 'ours-image', 'go') },
  { title: 'CPU of an upload against nginx, unbuffered', unit: '', must: 1, aim: 0.75, of: ratio('big', 'up1', 'ours', 'nginx-streaming') },
  { title: 'CPU of a GET at 1,024 connections against 64', unit: '', must: 1.3, aim: 1.1, of: growth },
  { title: 'start against node:http and its Agent', unit: '', must: 2.2, aim: 1.5, of: ratio('start', 'ms', 'ours', 'node-http') },
  { title: 'idle memory against @fastify/http-proxy as it comes', unit: '', must: 0.9, aim: 0.75, of: ratio('idle', 'fresh', 'ours', 'fastify-http-proxy') },
  { title: 'six uploads at once, peak over idle, in the image', unit: 'MiB', must: 60, aim: 30, of: median('uploads6', 'over', 'ours-image') },
]

/** Renders the goals as a table; empty while nothing is measured. */
export function renderGoals (results: Results): string {
  const rows = goals.flatMap(({ title, unit, must, aim, of }) => {
    const value = of(results)
    if (value === undefined) return []
    const number = (figure: number): string => `${unit === '' ? figure.toFixed(2) : Math.round(figure)} ${unit}`.trim()
    return [`| ${title} | ${number(value)} | ${number(must)} | ${number(aim)} | ${value <= aim ? 'better than hoped for' : value <= must ? 'met' : '**missed**'} |`]
  })
  return rows.length === 0 ? '' : ['| figure | measured | at most | hoped for | |', '|---|---|---|---|---|', ...rows].join('\n')
}

function ratio (suite: string, figure: string, target: string, other: string): Goal['of'] {
  return results => results[suite] && ratioOf(results[suite], figure, target, other)?.median
}

function median (suite: string, figure: string, target: string): Goal['of'] {
  return results => results[suite] && spreadOf(results[suite], target, figure)?.median
}

function difference (suite: string, figure: string, target: string, other: string): Goal['of'] {
  return results => {
    const [mine, theirs] = [median(suite, figure, target)(results), median(suite, figure, other)(results)]
    return mine === undefined || theirs === undefined ? undefined : mine - theirs
  }
}

function growth (results: Results): number | undefined {
  const [many, few] = [median('conns', 'cpu1024', 'ours')(results), median('conns', 'cpu64', 'ours')(results)]
  return many === undefined || few === undefined ? undefined : many / few
}
