/** The soak from its first request to its last: start, traffic and faults, drain, checks, end. */
import { setMaxListeners } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { simulatorDefaults, startSimulator } from '../simulator/simulator.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { closeConnections, makeCall } from './caller.ts'
import type { Manner } from './caller.ts'
import { RequestLedger } from './request-ledger.ts'
import type { Settings } from './outcome-oracle.ts'
import { createLoads } from './loads.ts'
import type { Loads } from './loads.ts'
import { startProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { isReady, Proxy } from './proxy.ts'
import { createRandom } from './random.ts'
import { slope } from './report.ts'
import type { Findings } from './report.ts'
import { makeTraffic } from './traffic.ts'
import { runFaultSchedule, FaultRecord } from './fault-schedule.ts'
import { startTcpFaultProxy } from './tcp-fault-proxy.ts'
import type { TcpFaultProxy } from './tcp-fault-proxy.ts'

/** How the stand-in and the proxy are set: everything that could take minutes takes seconds. */
const settings: Settings = { tokenLifeMs: 6_000, responseTimeoutMs: 6_000, replayBodyBytes: 1_048_576 }
const environment = {
  AMSU_CLIENT_ID: simulatorDefaults.clientId,
  AMSU_CLIENT_SECRET: simulatorDefaults.clientSecret,
  QUOTA_POLL_SECONDS: '0', // what reaches AMSU is what a caller sent
  PORT: '0',
  TOKEN_WAIT_MS: '1500',
  TOKEN_REQUEST_TIMEOUT_MS: '2000',
  UPSTREAM_RESPONSE_TIMEOUT_MS: String(settings.responseTimeoutMs),
  UPSTREAM_IDLE_TIMEOUT_MS: '6000',
  REPLAY_BODY_BYTES: String(settings.replayBodyBytes),
}
/** So many that none runs out. */
const manyTimes = 1_000_000_000
const quotas = { arrhythmia_analysis: manyTimes, hrv_analysis: manyTimes, health_analysis: manyTimes, calorie_analysis: manyTimes }
/** Longest time until the last token outage is over for the proxy, too: its longest wait and a moment. */
const recoveryMs = 40_000
/** The memory is looked at once a second; while it warms up its growth says nothing. */
const warmUpSeconds = 60
/** Longest time until the last socket is gone. */
const restMs = 5_000
/** Calls in flight at SIGTERM, and how long each takes. */
const lastCalls = 6
const lastCallMs = 800
const plain: Manner = { isFresh: false, isChunked: false, isExpecting: false, pauseMs: 0, abort: undefined, patience: 0 }

/** What to do. */
export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  /** Ends the soak early; there is no result then. */
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

interface Stage {
  readonly simulator: Simulator
  readonly faultProxy: TcpFaultProxy
  readonly proxy: Proxy
  readonly probe: Probe
  readonly address: string
  readonly loads: Loads
}

/** Runs a soak; in any case, everything it started has ended when this settles. */
export async function soak (options: SoakOptions): Promise<{ ledger: RequestLedger, findings: Findings }> {
  const { say } = options
  const ends: Array<() => Promise<unknown>> = []
  try {
    const simulator = await startSimulator({ tokenLifeSeconds: settings.tokenLifeMs / 1000, quotas })
    ends.push(() => simulator.close())
    const faultProxy = await startTcpFaultProxy(simulator.origin)
    ends.push(() => faultProxy.close())
    const proxy = new Proxy({ ...environment, AMSU_BASE_URL: faultProxy.origin })
    ends.push(() => proxy.stop())
    const address = await proxy.ready()
    say(`the proxy listens on ${address}`)
    const loads = createLoads()
    const start = await mostSockets(proxy)
    const probe = startProbe(address)
    ends.push(() => probe.end())
    return await run({ simulator, faultProxy, proxy, probe, address, loads }, start, options)
  } finally {
    closeConnections()
    for (const end of ends.reverse()) await end()
  }
}

async function run (stage: Stage, socketsAtStart: number, options: SoakOptions): Promise<{ ledger: RequestLedger, findings: Findings }> {
  const { simulator, faultProxy, proxy, probe, address } = stage
  const { seed, minutes, signal, say } = options
  const faults = new FaultRecord()
  const ledger = new RequestLedger({ faultProxy, proxy, faults, settings })
  const ownDelay = monitorEventLoopDelay({ resolution: 10 })
  ownDelay.enable()
  const memory = await keepBusy(stage, options, faults, ledger)
  ownDelay.disable()
  signal.throwIfAborted()
  say('the traffic has ended; waiting until all is quiet')
  const isReadyAgain = await until(async () => signal.aborted || await isReady(address), recoveryMs)
  signal.throwIfAborted()
  await ledger.settled()
  const livez = await probe.stop()
  const sockets = await countSockets(stage, socketsAtStart)
  const last = await finish(stage)
  const findings: Findings = {
    seed,
    minutes,
    arrivals: { faultProxy: faultProxy.books.arrivalCount, simulator: callsOf(simulator) },
    tokens: simulator.issueCount,
    connections: { all: faultProxy.books.connections, unused: faultProxy.books.unused },
    memory,
    sockets,
    livez,
    ownDelayMs: ownDelay.percentile(99) / 1e6,
    isReady: isReadyAgain,
    loud: proxy.loud,
    exit: last.exit,
    last,
  }
  return { ledger, findings }
}

/** Runs traffic and faults for the given time, and watches the memory. */
async function keepBusy ({ simulator, faultProxy, proxy, address, loads }: Stage, { minutes, seed, signal, say }: SoakOptions, faults: FaultRecord, ledger: RequestLedger): Promise<Findings['memory']> {
  const over = new AbortController()
  setMaxListeners(0, over.signal)
  const end = (): void => { over.abort() }
  const timer = globalThis.setTimeout(end, minutes * 60_000)
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  const samples: Array<{ x: number, y: number }> = []
  let peakKb = 0
  const watch = setInterval(() => {
    if (!proxy.process.isAlive) {
      end()
      return
    }
    const { nowKb, peakKb: peak } = proxy.process.memory
    peakKb = peak
    samples.push({ x: performance.now() / 60_000, y: nowKb })
    if (samples.length % 30 === 0) say(`${samples.length} s: ${ledger.requests} requests, ${ledger.unexplained} unexplained, ${ledger.doubleSends} double sends, ${ledger.lost} lost, ${Math.round(nowKb / 1024)} MB`)
  }, 1_000)
  try {
    await Promise.all([
      makeTraffic({ origin: address, loads, seed, signal: over.signal, onEnd: ledger.file }),
      runFaultSchedule({ simulator, proxy: faultProxy, random: createRandom(seed), signal: over.signal }, faults),
    ])
  } finally {
    clearInterval(watch)
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
  if (!proxy.process.isAlive) throw new Error(`the proxy ended in the middle of the soak: ${JSON.stringify(await proxy.process.exited)}\n${proxy.loud.join('\n')}`)
  return { peakKb, slopeKbPerMinute: slope(samples.slice(Math.min(warmUpSeconds, samples.length >> 1))) }
}

/** Sockets when nothing goes on: callers and AMSU close what they have kept open, and the proxy must let go too. */
async function countSockets ({ proxy, faultProxy }: Stage, start: number): Promise<Findings['sockets']> {
  // A token call may be on its way just now; a connection that was forgotten stays.
  await until(async () => faultProxy.withoutResponse === 0, restMs)
  const { withoutResponse } = faultProxy
  closeConnections()
  faultProxy.breakIdle('end')
  await until(async () => proxy.process.sockets <= start, restMs)
  return { start, end: proxy.process.sockets, withoutResponse }
}

/** Its connections for calls of its own come and go: one is there when it has started, so the most of several counts is taken, and the second is made with the first need. */
async function mostSockets (proxy: Proxy): Promise<number> {
  let most = 0
  for (let i = 0; i < 10; i++) {
    most = Math.max(most, proxy.process.sockets)
    await setTimeout(50)
  }
  return most + 1
}

/** Ends the proxy with calls in flight. */
async function finish ({ simulator, proxy, address, loads }: Stage): Promise<Findings['last'] & Pick<Findings, 'exit'>> {
  simulator.faults.delayMs = lastCallMs
  const random = createRandom(0)
  const calls = Array.from({ length: lastCalls }, async (_, i) => await makeCall(address, `last-${i}`, loads.usual(random), plain))
  await setTimeout(lastCallMs / 2)
  const exit = await proxy.stop()
  const endings = (await Promise.all(calls)).map(({ ending }) => ending)
  return { sent: lastCalls, responded: endings.filter(ending => ending.kind === 'response' && ending.isRight).length, exit }
}

async function until (holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const latest = performance.now() + timeoutMs
  while (performance.now() < latest) {
    if (await holds()) return true
    await setTimeout(50)
  }
  return await holds()
}

/** Requests that the stand-in saw, but token calls. */
function callsOf ({ record: { calls } }: Simulator): number {
  return Object.entries(calls).filter(([call]) => !call.includes('/token')).reduce((sum, [, count]) => sum + count, 0)
}
