/** The state of a running benchmark, shared by the suites. */
import { coreSeconds, cpuSecondsOf } from './accounts.ts'
import { transfer, type Seen } from './load.ts'
import { LOAD_CORE, PROXY_CORE } from './machine.ts'
import { sum, type Sample } from './results.ts'
import { statusOf, type Running, type Stage, type StartOptions } from './stage.ts'
import type { Target } from './target.ts'

/** Share of the proxy's core that others may take before a sample is noisy. */
const MAX_FOREIGN = 0.06
/** Share of either core that the host may take away. */
const MAX_STOLEN = 0.04
/** Times a noisy sample is taken at most; the least noisy one counts. */
const ATTEMPTS = 2

/** How long and how often. */
export interface Effort {
  readonly rounds: number
  /** Of one sample, where a suite is paced by time. */
  readonly seconds: number
  /** Of the search for leaks. */
  readonly requests: number
}

/** One sample, before it is named. */
export interface Taken {
  /** What each load generator saw. */
  readonly seen: readonly Seen[]
  /** What each of the programs used. */
  readonly cpuSeconds: readonly number[]
  readonly foreign: number
  readonly stolen: number
  readonly isNoisy: boolean
}

/** Everything a suite needs. */
export class Bench {
  readonly samples: Sample[] = []
  /** What went wrong; a run with any has failed. */
  readonly problems: string[] = []
  readonly stage: Stage
  readonly targets: readonly Target[]
  readonly effort: Effort
  readonly say: (line: string) => void

  constructor (stage: Stage, targets: readonly Target[], effort: Effort, say: (line: string) => void) {
    this.stage = stage
    this.targets = targets
    this.effort = effort
    this.say = say
  }

  /** Starts a target and proves that it relays as it should; undefined, and a problem, when it does not. */
  async start (target: Target, options: StartOptions = {}): Promise<Running | undefined> {
    let running: Running | undefined
    try {
      running = await this.stage.start(target, options)
      await this.#prove(running)
      return running
    } catch (error) {
      if (running !== undefined) await this.stage.stop(running)
      this.fail(target, error)
      return undefined
    }
  }

  /** Starts several targets, to be measured in turns. */
  async startAll (targets: readonly Target[]): Promise<Running[]> {
    const all: Running[] = []
    for (const target of targets) {
      const running = await this.start(target)
      if (running !== undefined) all.push(running)
    }
    return all
  }

  /** Calls `measure` for each in each round, forth and back, so that a drift of the machine falls on all alike. */
  async interleave<T> (all: readonly T[], targetOf: (item: T) => Target, measure: (item: T, round: number) => Promise<void>): Promise<void> {
    for (let round = 0; round < this.effort.rounds; round++) {
      for (const item of round % 2 === 0 ? all : [...all].reverse()) {
        try {
          await measure(item, round)
        } catch (error) {
          this.fail(targetOf(item), error)
        }
      }
    }
  }

  /** Takes a sample of load, and once more if others disturbed it; where the core is shared by intent, only the host can. */
  async take (all: readonly Running[], load: () => Promise<Seen[]>, { isCoreShared = false }: { isCoreShared?: boolean } = {}): Promise<Taken> {
    let best: Taken | undefined
    for (let i = 0; i < ATTEMPTS && best?.isNoisy !== false; i++) {
      const taken = await this.#takeOnce(all, load, isCoreShared)
      if (best === undefined || taken.foreign + taken.stolen < best.foreign + best.stolen) best = taken
    }
    return best as Taken
  }

  /** Keeps figures, and shows them. */
  record (target: Target, round: number, figures: Readonly<Record<string, number>>, isNoisy = false): void {
    const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(5))]))
    this.samples.push({ target: target.id, round, figures: rounded, isNoisy })
    const words = Object.entries(rounded).map(([name, value]) => `${name} ${value}`)
    this.say(`  round ${round + 1}  ${target.id.padEnd(20)} ${words.join('  ')}${isNoisy ? '  (noisy)' : ''}`)
  }

  /** Notes what went wrong. */
  fail ({ id }: Target, error: unknown): void {
    const problem = `${id}: ${error instanceof Error ? error.message : String(error)}`
    this.problems.push(problem)
    this.say(`  FAILED ${problem}`)
  }

  async #takeOnce (all: readonly Running[], load: () => Promise<Seen[]>, isCoreShared: boolean): Promise<Taken> {
    const before = { counters: await this.stage.counters(), cpu: cpuOf(all), own: coreSeconds(PROXY_CORE), other: coreSeconds(LOAD_CORE), at: performance.now() }
    const seen = await load()
    const seconds = (performance.now() - before.at) / 1000
    const cpuSeconds = cpuOf(all).map((spent, i) => spent - (before.cpu[i] ?? NaN))
    const [own, other] = [coreSeconds(PROXY_CORE), coreSeconds(LOAD_CORE)]
    const counters = await this.stage.counters()
    const refused = counters.refused - before.counters.refused
    // Each response that was counted as good must have carried the token: else the proxy was measured at something else.
    const [errors, requests] = [sum(seen.map(one => one.errors)), sum(seen.map(one => one.requests))]
    if (errors > 0 || refused > 0) throw new Error(`${errors} errors at the caller, ${refused} requests without the token at the upstream`)
    if (counters.responded - before.counters.responded < requests) throw new Error('it responded to requests that the upstream has not seen')
    const foreign = isCoreShared ? 0 : Math.max(0, (own.busy - before.own.busy - sum(cpuSeconds)) / seconds)
    const stolen = Math.max(own.stolen - before.own.stolen, other.stolen - before.other.stolen) / seconds
    return { seen, cpuSeconds, foreign, stolen, isNoisy: foreign > MAX_FOREIGN || stolen > MAX_STOLEN }
  }

  /** A GET, an upload, a path outside and, for amsu-proxy, an unknown caller: checked against the counters of the upstream. */
  async #prove (running: Running): Promise<void> {
    const { target } = running
    const before = await this.stage.counters()
    const status = await statusOf(running)
    const { errors } = await transfer('up', running, 1, 5, 1)
    const inside = await this.stage.counters()
    const outside = target.launch === undefined ? 404 : await statusOf(running, '/outside')
    const stranger = target.isOurs === true ? await statusOf(running, undefined, 'Bearer of-nobody') : 401
    const after = await this.stage.counters()
    const [responded, beyond] = [inside.responded - before.responded, after.responded - inside.responded]
    const isRelayed = status === 200 && errors === 0 && responded >= 2 && after.refused === before.refused && inside.received - before.received === 5 * 2 ** 20
    // amsu-proxy may read the quota at any moment, so its status decides; Caddy sends a 200 of its own for what it does not relay.
    const isClosed = stranger === 401 && (target.isOurs === true ? outside === 404 : beyond === 0)
    if (!isRelayed || !isClosed) throw new Error(`does not relay as it should: GET ${status}, failed uploads ${errors}, responded ${responded}, refused ${after.refused - before.refused}; outside ${outside}, stranger ${stranger}, responded ${beyond}`)
  }
}

function cpuOf (all: readonly Running[]): number[] {
  return all.map(({ group }) => cpuSecondsOf(group))
}
