/**
 * Differential fuzz test of our response parser and Node's: a response that ours accepts as complete, Node's reads alike and to the same
 * byte, possibly after removing one of the listed differences. Ours may reject more.
 */
import fc from 'fast-check'
import { test, type Test } from 'tap'
import http, { type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { response, mutated } from './arbitrary-responses.ts'
import { withoutKnownDifferences } from './known-differences.ts'
import { readResponse, type Reading } from './response-log.ts'

/** Responses checked in each run. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000)

/** A fixed seed for repeatable runs; the other runs have a new seed each time. */
const FIXED_SEED = 20_261_126

/** A connection on which a test decides what arrives. */
class Line extends Duplex {
  override _read (): void {}
  override _write (_chunk: Buffer, _encoding: string, done: () => void): void { done() }
  setTimeout (): this { return this }
  setNoDelay (): this { return this }
  setKeepAlive (): this { return this }
}

/** Reads a response with Node's client. Its length is that of `bytes`, or -1 if it was complete before the last byte. */
async function readByNode (bytes: Buffer, method: string): Promise<Reading> {
  const line = new Line()
  const chunks: Buffer[] = []
  let response: IncomingMessage | undefined
  return await new Promise(resolve => {
    const end = (ending: Reading['ending'], length: number): void => {
      const { rawHeaders: headers, statusCode: status, statusMessage: statusText } = response ?? {}
      resolve({ ending, status, statusText, headers, body: Buffer.concat(chunks).toString('latin1'), length })
    }
    const request = http.request({ method, createConnection: () => line })
    request.on('error', () => { resolve({ ending: 'refused' }) })
    request.on('response', got => {
      response = got
      got.on('data', (chunk: Buffer) => chunks.push(chunk))
      got.on('error', () => { resolve({ ending: 'cut short' }) })
    })
    request.on('socket', () => {
      request.end()
      setImmediate(() => {
        line.push(bytes.subarray(0, -1))
        setImmediate(() => {
          const isEarly = response?.complete === true
          line.push(bytes.subarray(-1))
          setImmediate(() => {
            const isComplete = response?.complete === true
            if (isComplete) end('complete', isEarly ? -1 : bytes.length)
            else response?.on('end', () => { end('complete at the end', bytes.length) })
            line.push(null)
          })
        })
      })
    })
  })
}

/**
 * Reads by both parsers. Throws if they differ although ours accepted the response as complete. Known differences are removed before Node
 * reads it (see known-differences.ts): then it must read the same.
 */
async function compare (bytesOf: Buffer, method: string, seen: Set<string>): Promise<Reading> {
  const ours = readResponse([bytesOf], method)
  if (!ours.ending.startsWith('complete') || isOddOfNode(ours, bytesOf)) return ours
  const { differences, text } = withoutKnownDifferences(bytesOf.toString('latin1', 0, ours.length))
  for (const difference of differences) seen.add(difference)
  const [theirs, expected] = [await readByNode(Buffer.from(text, 'latin1'), method), { ...ours, length: text.length }].map(reading => differences.has('codings') ? withoutCodings(reading) : reading)
  if (JSON.stringify(theirs) !== JSON.stringify(expected)) throw new Error(`ours: ${JSON.stringify(expected)}, Node's: ${JSON.stringify(theirs)}, of ${JSON.stringify(text)}`)
  return ours
}

/** The number of `chunked` codings is not forwarded. */
function withoutCodings (reading: Reading): Reading {
  const headers = (reading.headers ?? []).filter((_, i, all) => all[i - i % 2]?.toLowerCase() !== 'transfer-encoding')
  return { ...reading, headers }
}

/**
 * Node reads a body after 204 if a length or chunks are stated, against RFC 9112 section 6.3, and it heeds a length among the trailers,
 * which we drop whatever they say.
 */
function isOddOfNode ({ status }: Reading, bytesOf: Buffer): boolean {
  return status === 204 || /\n[\t 0]*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*?(?:content-length|transfer-encoding)[\t ]*:/i.test(bytesOf.toString('latin1'))
}

async function compareMany (t: Test, seed: number, texts: fc.Arbitrary<string>, isAlwaysComplete: boolean): Promise<void> {
  const seen = new Set<string>()
  const counts: Record<Reading['ending'], number> = { complete: 0, 'complete at the end': 0, 'cut short': 0, refused: 0 }
  await fc.assert(fc.asyncProperty(texts, fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD'), async (responded, method) => {
    const { ending } = await compare(Buffer.from(responded, 'latin1'), method, seen)
    if (isAlwaysComplete && !ending.startsWith('complete')) throw new Error(`is ${ending}`)
    counts[ending]++
  }), { seed, numRuns: RUNS })
  t.comment(`seed ${seed}: ${JSON.stringify(counts)}, beyond Node: ${[...seen].join(', ')}`)
  for (const [ending, count] of Object.entries(counts)) t.ok(count > (isAlwaysComplete && !ending.startsWith('complete') ? -1 : RUNS / 50), `${ending} occurs`)
}

test('what is written as RFC 9112 has it is read as Node reads it', async t => {
  await compareMany(t, Date.now() & 0x7fffffff, response, true)
})

test('every response that is accepted as complete is read as Node reads it (fixed seed)', async t => {
  await compareMany(t, FIXED_SEED, mutated, false)
})

test('every response that is accepted as complete is read as Node reads it (another seed each run)', async t => {
  await compareMany(t, Date.now() & 0x7fffffff, mutated, false)
})
