/** A storm from its first connection to its last: start of proxies and AMSUs, storm, drain, checks, end. */
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '../soak/random.ts'
import { ask } from './ask.ts'
import { StormClient } from './client.ts'
import { Findings } from './findings.ts'
import { Lateness } from './lateness.ts'
import { checkRequest, outcomeOf } from './outcome-oracle.ts'
import { planConnection } from './plan-connection.ts'
import { proxyNames, StormProxy, timeouts } from './proxies.ts'
import { checkAtRest } from './rest-checks.ts'
import { RequestLedger } from './request-ledger.ts'
import type { RequestRecord } from './request-ledger.ts'
import { checkStop } from './stop-checks.ts'

/** Lines of the log and late arrivals may come this much after the end of a connection. */
const settleMs = 5_000
const probeEveryMs = 300
/** Pause after a connection that failed: the proxy is being restarted. */
const restartMs = 200
/** What crosses a request was written at most this much before it, when nothing is late. */
const crossingMs = 100
/** A health check must get its response within this; longer if the machine was busy. */
const livezMs = 1_000
const livezWhenBusyMs = 8_000
/** Most memory a proxy may take. */
const mostMemoryMb = 400

/** What to do. */
export interface StormOptions {
  readonly seconds: number
  readonly seed: number
  /** Path of the Node.js that runs the proxies. */
  readonly node: string
  /** Connections at once. */
  readonly connections: number
  /** The one connection to make, instead of a storm. */
  readonly only: number | undefined
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** What shares a storm's time. */
export interface Stage {
  readonly options: StormOptions
  readonly proxies: readonly StormProxy[]
  readonly ledger: RequestLedger
  readonly findings: Findings
  readonly lateness: Lateness
  /** Outcomes, and kinds of connections, by name. */
  readonly tally: Map<string, number>
}

/** Storms; in any case, everything it started has ended when this settles. */
export async function storm (options: StormOptions): Promise<{ findings: Findings, tally: ReadonlyMap<string, number> }> {
  const ledger = new RequestLedger()
  const findings = new Findings(options.seed)
  const proxies = proxyNames.map(name => new StormProxy(name, { node: options.node, ledger, onFinding: findings.add }))
  const stage: Stage = { options, proxies, ledger, findings, lateness: new Lateness(), tally: new Map() }
  try {
    await Promise.all(proxies.map(async proxy => { await proxy.start() }))
    const sockets = proxies.map(({ process }) => process.sockets)
    await blow(stage)
    options.signal.throwIfAborted()
    if (options.only === undefined) {
      options.say('the storm is over; looking at what it left')
      await Promise.all(proxies.map(async (proxy, i) => { await checkAtRest(stage, proxy, sockets[i]!) }))
      await Promise.all(proxies.map(async proxy => { await checkStop(stage, proxy) }))
    }
    for (const stranger of ledger.strangers) findings.add(`(f) arrived at AMSU when it was over, or was never sent: ${stranger}`)
    return { findings, tally: stage.tally }
  } finally {
    stage.lateness.close()
    for (const proxy of proxies) proxy.close()
  }
}

async function blow (stage: Stage): Promise<void> {
  const { options: { only }, proxies } = stage
  const over = new AbortController()
  const probes = proxies.map(async proxy => { await probe(stage, proxy, over.signal) })
  const schedule = only === undefined ? scheduleFaults(stage, over.signal) : undefined
  try {
    if (only === undefined) await connectAgainAndAgain(stage)
    else await settle(stage, await connect(stage, only))
  } finally {
    over.abort()
    await Promise.all([schedule, ...probes])
  }
}

async function connectAgainAndAgain (stage: Stage): Promise<void> {
  const { options: { seconds, connections, signal, say }, findings } = stage
  const latest = performance.now() + seconds * 1_000
  const pending: Array<Promise<void>> = []
  let index = 0
  const progress = setInterval(() => { say(`${index} connections, ${findings.count} findings`) }, 10_000)
  try {
    await Promise.all(Array.from({ length: connections }, async () => {
      while (performance.now() < latest && !signal.aborted) pending.push(settle(stage, await connect(stage, index++)))
    }))
    await Promise.all(pending)
  } finally {
    clearInterval(progress)
  }
}

async function connect (stage: Stage, index: number): Promise<RequestRecord[]> {
  const { options: { seed, only, say }, proxies, ledger, tally } = stage
  const script = planConnection(seed, index, proxyNames)
  if (only !== undefined) say(JSON.stringify(script, undefined, 2))
  const records = ledger.open(script)
  count(tally, `connection: ${script.name}`)
  await new StormClient(script, records, proxies.find(({ name }) => name === script.proxy)!.address(index)).run()
  if (records.every(({ begunAt }) => begunAt === undefined)) await delay(restartMs)
  return records
}

/** Checks the requests of a connection once everything about them is known. */
async function settle ({ ledger, findings, lateness, proxies, tally, options: { only, say } }: Stage, records: readonly RequestRecord[]): Promise<void> {
  await delay(settleMs)
  for (const record of records) {
    ledger.close(record)
    count(tally, outcomeOf(record))
    if (only !== undefined) say(`${record.plan.id}: ${outcomeOf(record)}`)
    const { starts, breaks, amsu } = proxies.find(({ name }) => name === record.script.proxy)!
    // A process that has died took some more with it, up to its next start.
    const wasDown = (from: number, to: number): boolean => starts.slice(1).some(at => at > from && at < to + settleMs)
    for (const what of checkRequest(record, { lateMs: lateness.worst, wasDown, hasBroken: isAmong(breaks), hasStrayed: (from, to) => isAmong(amsu.unaskedAt)(from - lateness.worst(from, to) - crossingMs, to), isDisplaced: id => amsu.displaced.has(id) })) findings.addOf(record, what)
  }
}

/** Polls the health and the memory of a proxy. */
async function probe ({ findings, lateness, tally }: Stage, proxy: StormProxy, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const from = performance.now()
    const starts = proxy.starts.length
    const { status, ms, error } = await ask(proxy.address(0), { path: '/livez', timeoutMs: livezWhenBusyMs })
    const isBusy = lateness.worst(from, performance.now()) > 100
    lateness.note(from, from + ms, ms)
    // A process that is dying is a finding of its own; it may take its grace.
    if (status !== 200) await delay(timeouts.grace + 1_000)
    const isSame = starts === proxy.starts.length && proxy.process.isAlive
    if (isSame && (status !== 200 || ms > (isBusy ? livezWhenBusyMs : livezMs))) findings.add(`(a) /livez of ${proxy.name}: ${status} ${error ?? ''} after ${Math.round(ms)} ms`)
    const memoryMb = isSame ? Math.round(proxy.process.memory.nowKb / 1024) : 0
    tally.set(`MB of memory at most: ${proxy.name}`, Math.max(memoryMb, tally.get(`MB of memory at most: ${proxy.name}`) ?? 0))
    if (memoryMb > mostMemoryMb) findings.add(`(c) ${proxy.name} takes ${memoryMb} MB`)
    await delay(probeEveryMs)
  }
}

/** Now and then an AMSU rejects connections for a moment, and may break those there are. */
async function scheduleFaults ({ options: { seed }, proxies }: Stage, signal: AbortSignal): Promise<void> {
  const random = createRandom(seed)
  while (!signal.aborted) {
    await delay(random.between(2_000, 5_000), undefined, { signal }).catch(() => {})
    const { amsu, breaks } = random.pick(proxies)
    const isBreaking = random.chance(0.5)
    if (isBreaking) breaks.push(performance.now())
    amsu.down(isBreaking)
    await delay(random.between(50, 500))
    await amsu.up()
  }
}

/** Whether one of some times is between two others. */
function isAmong (times: readonly number[]): (from: number, to: number) => boolean {
  return (from, to) => times.some(at => at > from && at < to)
}

function count (tally: Map<string, number>, name: string): void {
  tally.set(name, (tally.get(name) ?? 0) + 1)
}
