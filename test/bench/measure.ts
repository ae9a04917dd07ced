/** Runs suites one after the other. */
import { Bench, type Effort } from './bench.ts'
import { describeMachine } from './machine.ts'
import { keepResult } from './results.ts'
import type { Stage } from './stage.ts'
import type { Suite } from './suites/suite.ts'
import type { Target } from './target.ts'
import { versionOf } from './tools.ts'

/** What to measure, and how. */
export interface Order {
  readonly suites: Readonly<Record<string, Suite>>
  readonly targets: readonly Target[]
  /** Ids; undefined for all. */
  readonly only: readonly string[] | undefined
  readonly effort: Effort
  readonly node: string
  /** File the results go to. */
  readonly json: string
  readonly say: (line: string) => void
}

/** Runs suites, and keeps the result of each as soon as it is there. Returns what went wrong. */
export async function measure (stage: Stage, { suites, targets, only, effort, node, json, say }: Order): Promise<string[]> {
  const problems: string[] = []
  for (const [name, suite] of Object.entries(suites)) {
    const wanted = (suite.targets?.() ?? targets).filter(target => isWanted(name, suite, target, only))
    const entrants = wanted.map(target => ({ target, version: target.version(node) }))
    const present = entrants.flatMap(({ target, version }) => version === undefined ? [] : [{ target, version }])
    const absent = entrants.filter(({ version }) => version === undefined).map(({ target }) => target.title)
    say(`\n${name}: ${present.map(({ target, version }) => `${target.id} ${version}`.trim()).join(', ')}`)
    if (absent.length > 0) say(`  not installed: ${absent.join(', ')} (npm run bench -- --install)`)
    const bench = new Bench(stage, present.map(({ target }) => target), effort, say)
    try {
      await suite.run(bench)
    } catch (error) {
      // A failure must not lose the results of the other suites.
      bench.problems.push((error as Error).message)
    }
    await stage.clear()
    problems.push(...bench.problems.map(problem => `${name}: ${problem}`))
    keepResult(json, name, {
      date: new Date().toISOString().slice(0, 10),
      node: versionOf([node, '--version']) ?? '',
      machine: describeMachine(),
      rounds: effort.rounds,
      seconds: effort.seconds,
      entrants: present.map(({ target: { id, title, isOurs }, version }) => ({ id, title, version, isOurs: isOurs === true })),
      absent,
      samples: bench.samples,
    })
  }
  return problems
}

/** Starts each target once and proves it; returns what went wrong. */
export async function check (stage: Stage, { targets, only, effort, node, say }: Order): Promise<string[]> {
  const bench = new Bench(stage, targets, effort, say)
  for (const target of targets.filter(({ id, launch }) => launch !== undefined && only?.includes(id) !== false)) {
    const version = target.version(node)
    const running = version === undefined ? undefined : await bench.start(target)
    if (version === undefined) say(`  ${target.id}: not installed`)
    if (running === undefined) continue
    say(`  ${target.id} ${version}: relays, strips and injects`)
    await stage.stop(running)
  }
  return bench.problems
}

/** Whether a target is measured; a suite with targets of its own cannot be narrowed, and a comparison needs its base. */
function isWanted (name: string, suite: Suite, target: Target, only: readonly string[] | undefined): boolean {
  if (suite.targets !== undefined) return true
  if (target.takesPart?.(name) === false) return false
  if (only === undefined) return suite.isOursAlone !== true || target.isOurs === true
  return only.includes(target.id) || target.launch === undefined
}
