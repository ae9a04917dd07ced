/** The end of a soak: one table, and whether it passed. */
import type { RequestLedger } from './request-ledger.ts'
import { quantile } from './probe.ts'
import type { Latencies } from './probe.ts'
import type { Exit } from '../support/built-proxy.ts'

/** Most memory the proxy may have had, in kB. */
const mostMemoryKb = 150 * 1024

/** Everything that was found out beside the requests. */
export interface Findings {
  readonly seed: number
  readonly minutes: number
  /** Requests that the wire and the stand-in counted; the wire sees those too that break on their way. */
  readonly arrivals: { readonly faultProxy: number, readonly simulator: number }
  readonly tokens: number
  /** Connections to AMSU, and how many of them never carried a request. */
  readonly connections: { readonly all: number, readonly unused: number }
  readonly memory: { readonly peakKb: number, readonly slopeKbPerMinute: number }
  readonly sockets: { readonly start: number, readonly end: number, readonly withoutResponse: number }
  readonly livez: Latencies
  /** 99th percentile of the soak's own event loop delay, in milliseconds: how busy the machine was. */
  readonly ownDelayMs: number
  readonly isReady: boolean
  readonly loud: readonly string[]
  readonly exit: Exit
  /** Requests in flight at SIGTERM, and how many of them got a response. */
  readonly last: { readonly sent: number, readonly responded: number }
}

interface Row { readonly name: string, readonly value: string, readonly isGood?: boolean }

/** Renders the table, and tells whether the soak passed. */
export function report (ledger: RequestLedger, findings: Findings): { text: string, isPassed: boolean } {
  const rows = rowsOf(ledger, findings)
  const outcomes = [...ledger.outcomes].sort(([, a], [, b]) => b - a)
  const width = Math.max(...rows.map(({ name }) => name.length))
  const lines = [
    '',
    ...rows.map(({ name, value, isGood }) => `${name.padEnd(width)}  ${value}${isGood === false ? '  <-- FAILED' : ''}`),
    '',
    'outcomes',
    ...outcomes.map(([outcome, count]) => `${String(count).padStart(8)}  ${outcome}`),
    ...ledger.samples.length > 0 ? ['', 'offending requests', ...ledger.samples] : [],
    ...findings.loud.length > 0 ? ['', 'errors in the proxy\'s log', ...findings.loud] : [],
    '',
  ]
  return { text: lines.join('\n'), isPassed: rows.every(({ isGood }) => isGood !== false) }
}

function rowsOf (ledger: RequestLedger, { seed, minutes, arrivals, tokens, connections, memory, sockets, livez, ownDelayMs, isReady, loud, exit, last }: Findings): Row[] {
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  return [
    { name: 'seed, minutes', value: `${seed}, ${minutes}` },
    { name: 'requests', value: String(ledger.requests), isGood: ledger.requests > 0 },
    { name: 'unexplained', value: String(ledger.unexplained), isGood: ledger.unexplained === 0 },
    { name: 'double sends', value: String(ledger.doubleSends), isGood: ledger.doubleSends === 0 },
    { name: 'lost', value: String(ledger.lost), isGood: ledger.lost === 0 },
    { name: 'sent again by right', value: String(ledger.sentAgain) },
    { name: 'arrived on the wire, at the stand-in', value: `${arrivals.faultProxy}, ${arrivals.simulator}`, isGood: arrivals.faultProxy >= arrivals.simulator },
    { name: 'tokens issued', value: String(tokens) },
    { name: 'connections to AMSU, never used', value: `${connections.all}, ${connections.unused}` },
    { name: 'peak memory', value: `${(memory.peakKb / 1024).toFixed(1)} MB`, isGood: memory.peakKb < mostMemoryKb },
    { name: 'slope of memory after the warm-up', value: `${memory.slopeKbPerMinute.toFixed(0)} kB/min` },
    { name: 'sockets allowed, at the end', value: `${sockets.start}, ${sockets.end}`, isGood: sockets.end <= sockets.start },
    { name: 'connections to AMSU left without a response', value: String(sockets.withoutResponse), isGood: sockets.withoutResponse === 0 },
    { name: '/livez p50, p99, worst', value: `${ms(quantile(livez, 0.5))}, ${ms(quantile(livez, 0.99))}, ${ms(livez.at(-1) ?? 0)}`, isGood: livez.length > 0 && livez.at(-1) !== Infinity },
    { name: 'event loop delay of the soak itself, p99', value: ms(ownDelayMs) },
    { name: 'ready at the end', value: isReady ? 'yes' : 'no', isGood: isReady },
    { name: 'errors in the log', value: String(loud.length), isGood: loud.length === 0 },
    { name: 'in flight at SIGTERM, responded', value: `${last.sent}, ${last.responded}`, isGood: last.sent > 0 && last.sent === last.responded },
    { name: 'end after SIGTERM', value: exit.signal === null ? `exit code ${String(exit.code)}` : `killed by ${exit.signal}`, isGood: exit.code === 0 },
  ]
}

/** Slope of a straight line by least squares; 0 for fewer than two points. */
export function slope (points: ReadonlyArray<{ readonly x: number, readonly y: number }>): number {
  const mean = (of: (point: { x: number, y: number }) => number): number => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean(point => point.x), mean(point => point.y)]
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  return spread > 0 ? points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread : 0
}
