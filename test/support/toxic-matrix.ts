/**
 * A matrix of faults: each fault × each kind of call, all kinds at once. The tests say which outcome is right on which side of the proxy.
 */
import type { Test } from 'tap'
import { startStage, watchMemory, type CallName, type Ending } from './toxic-stage.ts'
import type { Direction, Toxics } from './toxic.ts'

const KB = 1_000
const MB = 1_000_000

/** What becomes of the small calls, of the uploads, and of the download. */
export type Expected = readonly [small: string, upload: string, download: string]

/** A fault, and what becomes of the calls. */
export interface Row {
  readonly name: string
  readonly direction: Direction
  readonly toxics: Toxics
  readonly expected: Expected
}

/** Where a line ends: how many bytes have passed by then. */
const PLACES = { 'at the first byte': 0, 'in the head': 20, 'after 1 MB': MB } as const

/** Whom a direction leads to, by the side of the proxy that has the faulty line. */
const PARTIES = { upstream: { server: 'AMSU', client: 'the proxy' }, caller: { server: 'the proxy', client: 'the caller' } } as const

/** The same for all calls. */
export function all (outcome: string): Expected {
  return [outcome, outcome, outcome]
}

/** A line that ends. */
export function ends (by: NonNullable<Toxics['end']>['by'], place: keyof typeof PLACES, direction: Direction, expected: Expected): Row {
  return { name: `${by} ${place}`, direction, toxics: { end: { afterBytes: PLACES[place], by } }, expected }
}

/** Lines that are slow in one way or another, which is no error. */
export const SLOW: readonly Row[] = (['server', 'client'] as const).flatMap(direction => [
  { name: 'latency', direction, toxics: { latencyMs: 20 }, expected: all('good') },
  { name: 'jitter', direction, toxics: { latencyMs: 2, jitterMs: 15 }, expected: all('good') },
  { name: 'little bandwidth', direction, toxics: { bytesPerSecond: 40 * MB }, expected: all('good') },
  { name: 'pieces', direction, toxics: { slice: { bytes: 7 * KB, delayMs: 0 } }, expected: all('good') },
])

/** What to try. */
export interface Matrix {
  readonly side: 'upstream' | 'caller'
  readonly rows: readonly Row[]
  readonly settings?: Record<string, string>
  /** How long a caller waits. @default longer than any call takes */
  readonly limitMs?: number
  /** Whether a call ended as expected, for its caller and in its line of the log. */
  readonly isRight: (ending: Ending, expected: string, line: Record<string, unknown> | undefined) => boolean
}

/** Makes all calls under each fault in turn, and checks after each that nothing is left of them, and at the end that nothing has piled up. */
export async function tryMatrix (t: Test, { side, rows, settings, limitMs, isRight }: Matrix): Promise<void> {
  const stage = await startStage(t, side, settings)
  await stage.makeAll('server', {})
  const memory = watchMemory(t)
  for (const { name, direction, toxics, expected } of rows) {
    for (const ending of await stage.makeAll(direction, toxics, limitMs)) {
      const right = expectedOf(ending.name, expected)
      const line = stage.lineOf(ending)
      t.ok(isRight(ending, right, line), `${name} towards ${PARTIES[side][direction]}, ${ending.name}: ${right}, found ${ending.outcome} and ${JSON.stringify(line)}`)
    }
    await stage.checkAftermath(t)
  }
  memory.check()
  await stage.stop(t)
}

function expectedOf (name: CallName, [small, upload, download]: Expected): string {
  if (name === 'download') return download
  return name.startsWith('upload') ? upload : small
}
