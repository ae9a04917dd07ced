/** What a proxy must be able to do once a storm is over: nothing is in flight or open, no body is kept, no slot is taken. */
import { setTimeout as delay } from 'node:timers/promises'
import { faultQuery, plain } from './amsu-fault.ts'
import type { AmsuFault } from './amsu-fault.ts'
import { ask } from './ask.ts'
import type { Reply } from './ask.ts'
import { StormClient } from './client.ts'
import { patternBytes } from './pattern.ts'
import { limits, makeRequest } from './plan-request.ts'
import { timeouts } from './proxies.ts'
import type { StormProxy } from './proxies.ts'
import type { ConnectionScript } from './script.ts'
import type { Stage } from './storm.ts'

/** Everything must be at rest within this. */
const restMs = 12_000
/** The proxy forces renewals at least this far apart. */
const forcedGapMs = 5_300
/** Bodies of the largest size that may be kept at once. */
const keptBodies = 16
/** Until all requests of a rejected token have arrived, or as long as that, none is refused. */
const gatherMs = 1_000

/** A call that waits for nothing gets its response within this. */
const promptMs = 700
/** Uploads to which AMSU responds early. */
const uploads = 8
/** How long the calls take that keep all connections busy: longer than a token lives. */
const slowMs = 1_300

let calls = 0

/** Holds everything against a proxy that nobody uses any more. */
export async function checkAtRest (stage: Stage, proxy: StormProxy, socketsAtStart: number): Promise<void> {
  if (!proxy.process.isAlive) return
  await checkNothingOpen(stage, proxy, socketsAtStart)
  await until(async () => (await ask(proxy.address(0), { path: '/readyz' })).status === 200)
  await checkHeadsHoldNothing(stage, proxy)
  await checkEarlyResponses(stage, proxy)
  if (proxy.name === 'plain' || proxy.name === 'unix') await checkSecondSending(stage, proxy)
  if (proxy.name === 'localhost') await checkDownloadsKeepNothing(stage, proxy)
  else await checkKeptBodies(stage, proxy)
  if (proxy.name === 'tls') await checkCompressedRefusal(stage, proxy)
}

async function checkNothingOpen ({ findings }: Stage, proxy: StormProxy, socketsAtStart: number): Promise<void> {
  const inFlight = async (): Promise<string | undefined> => /^amsu_proxy_in_flight_requests (\d+)/m.exec((await ask(proxy.address(0), { path: '/metrics' })).text)?.[1]
  // The metric tells of the time when it was asked; the proxy's own calls come and go.
  await until(async () => await inFlight() === '0' && proxy.process.sockets <= socketsAtStart + 2)
  if (await inFlight() !== '0') findings.add(`(c) ${proxy.name}: ${String(await inFlight())} requests are in flight when all clients have gone`)
  if (proxy.process.sockets > socketsAtStart + 2) findings.add(`(c) ${proxy.name}: ${proxy.process.sockets} sockets are open when all clients have gone; at the start it were ${socketsAtStart}`)
  if (proxy.amsu.connections > 2) findings.add(`(c) ${proxy.name}: ${proxy.amsu.connections} connections to AMSU are open when all clients have gone`)
}

/** More heads without bodies than there are connections to AMSU do not keep anybody waiting. */
async function checkHeadsHoldNothing ({ findings, lateness, ledger }: Stage, proxy: StormProxy): Promise<void> {
  const heads = Array.from({ length: 2 * proxy.maxConnections + 4 }, async () => {
    const request = makeRequest({ id: nextId(), method: 'POST', body: { bytes: 5, isChunked: false } })
    const script: ConnectionScript = { index: 0, name: 'head', proxy: proxy.name, requests: [request], steps: [{ do: 'send', bytes: request.head, begins: [0] }, { do: 'wait', ms: timeouts.idle - 200 }, { do: 'leave', how: 'reset' }] }
    await new StormClient(script, ledger.open(script), proxy.address(0)).run()
  })
  await delay(200)
  const from = performance.now()
  const { status, ms, error, text } = await call(proxy, plain)
  const isBusy = lateness.worst(from, performance.now()) > 100
  if (!isBusy && (status !== 200 || ms > promptMs)) findings.add(`(c) ${proxy.name}: a GET beside ${heads.length} heads without bodies got ${status} ${error ?? ''} ${/PROXY\.\w+/.exec(text)?.[0] ?? ''} after ${Math.round(ms)} ms`)
  await Promise.all(heads)
}

/** A response that comes while the body is on its way, with a reset behind it, is never lost. */
async function checkEarlyResponses ({ findings, ledger }: Stage, proxy: StormProxy): Promise<void> {
  const fault: AmsuFault = { ...plain, name: 'early', at: 200_000, how: 'reset' }
  const got: string[] = []
  for (let i = 0; i < uploads; i++) {
    const bytes = 3_000_000
    const request = makeRequest({ id: nextId(), method: 'POST', body: { bytes, isChunked: false }, fault })
    const script: ConnectionScript = { index: 0, name: 'upload', proxy: proxy.name, requests: [request], steps: [{ do: 'send', bytes: request.head, begins: [0] }, { do: 'sendBody', request: 0, from: 0, to: bytes, pieceBytes: 262_144, pauseMs: 0 }] }
    const [record] = ledger.open(script)
    await new StormClient(script, [record!], proxy.address(0)).run()
    got.push(`${record!.response?.status ?? record!.ending} ${record!.response?.headers.get('x-amsu-proxy-error') ?? ''}`)
  }
  const bad = got.filter(each => each !== '413 ')
  if (bad.length > 0) findings.add(`(h) ${proxy.name}: of ${uploads} uploads to which AMSU responds early with 413, ${bad.length} got ${[...new Set(bad)].join(', ')}`)
}

/** A call whose second sending waits longer for a connection than its token lives keeps its body. */
async function checkSecondSending ({ findings, lateness }: Stage, proxy: StormProxy): Promise<void> {
  const { amsu, name, maxConnections } = proxy
  await delay(Math.max(0, amsu.refusedAt + forcedGapMs - performance.now()))
  const from = performance.now()
  const count = Math.floor(maxConnections * 0.8)
  const replies = Promise.all(Array.from({ length: count }, async () => await call(proxy, { ...plain, name: 'refusal', delayMs: slowMs / 4 }, limits.replayBodyBytes)))
  await delay(slowMs / 8)
  const slow = Array.from({ length: maxConnections }, async () => await call(proxy, { ...plain, delayMs: slowMs }))
  const bad = (await replies).filter(({ status }) => status !== 200)
  await Promise.all(slow)
  if (bad.length > 0 && lateness.worst(from, performance.now()) < 300) findings.add(`(c) ${name}: of ${count} calls that met a rejected token and then waited for a connection ${bad.length} got no 200: ${wordsOf(bad)}`)
}

/** All bodies that may be kept are kept, so none of those before still is. */
async function checkKeptBodies ({ findings }: Stage, proxy: StormProxy): Promise<void> {
  const { amsu, name, maxConnections } = proxy
  await delay(Math.max(0, amsu.refusedAt + forcedGapMs - performance.now()))
  const count = Math.min(keptBodies, maxConnections)
  revokeFor(proxy, count)
  const replies = await Promise.all(Array.from({ length: count }, async () => await call(proxy, plain, limits.replayBodyBytes)))
  const bad = replies.filter(({ status }) => status !== 200)
  if (bad.length > 0) findings.add(`(c) ${name}: of ${count} calls of ${limits.replayBodyBytes} bytes that met a rejected token ${bad.length} got no 200: ${wordsOf(bad)}`)
}

/** A body is kept until the head of its response, not until its end. */
async function checkDownloadsKeepNothing ({ findings }: Stage, proxy: StormProxy): Promise<void> {
  const { amsu, name } = proxy
  await delay(Math.max(0, amsu.refusedAt + forcedGapMs - performance.now()))
  let begun = 0
  const downloads = Array.from({ length: keptBodies }, async () => await call(proxy, { ...plain, name: 'stuck', size: 1_000 }, limits.replayBodyBytes, () => { begun++ }))
  await until(async () => begun === keptBodies, timeouts.idle - 500)
  revokeFor(proxy, 1)
  const reply = await call(proxy, plain, 1_000)
  if (begun === keptBodies && reply.status !== 200) findings.add(`(c) ${name}: beside ${keptBodies} responses that have begun, a call that met a rejected token got ${wordsOf([reply])}`)
  await Promise.all(downloads)
}

/** A refusal is understood, compressed or not. */
async function checkCompressedRefusal ({ findings }: Stage, proxy: StormProxy): Promise<void> {
  await delay(Math.max(0, proxy.amsu.refusedAt + forcedGapMs - performance.now()))
  revokeFor(proxy, 1)
  const reply = await call(proxy, { ...plain, variant: 2 }, 1_000)
  if (reply.status !== 200) findings.add(`(c) ${proxy.name}: a call that met a rejected token, told by gzip, got ${wordsOf([reply])}`)
}

/** Refuses the tokens there are, once so many requests with one have arrived. */
function revokeFor ({ amsu }: StormProxy, count: number): void {
  let arrived = 0
  let open = (): void => {}
  const gathered = new Promise<void>(resolve => { open = resolve })
  setTimeout(open, gatherMs)
  amsu.onRefused = async () => {
    if (++arrived >= count) open()
    await gathered
  }
  amsu.revoke()
}

async function call (proxy: StormProxy, fault: AmsuFault, bodyBytes?: number, onResponse: () => void = () => {}): Promise<Reply> {
  const id = nextId()
  const path = `/amsu-analysis/v2/storm/${id}?${faultQuery(fault)}`
  return await ask(proxy.address(0), bodyBytes === undefined ? { path } : { path, method: 'POST', body: patternBytes(id, 0, bodyBytes), onResponse })
}

function wordsOf (replies: readonly Reply[]): string {
  return [...new Set(replies.map(({ status, error, text }) => `${status} ${error ?? /"code":"([\w.]+)"/.exec(text)?.[1] ?? ''}`))].join(', ')
}

function nextId (): string {
  return `storm-rest-0-${calls++}`
}

async function until (isSo: () => Promise<boolean>, ms = restMs): Promise<void> {
  const latest = performance.now() + ms
  while (performance.now() < latest && !await isSo()) await delay(50)
}
