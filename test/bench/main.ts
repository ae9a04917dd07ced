/** Measures the proxy beside others: `npm run bench -- [suite…]`. */
import { spawnSync } from 'node:child_process'
import { isAbsolute, join } from 'node:path'
import { runByHand, whenToldToEnd } from '../support/by-hand.ts'
import { settle } from './machine.ts'
import { check, measure, type Order } from './measure.ts'
import { parseOptions, usage, type Options } from './options.ts'
import { publish } from './publish.ts'
import { readResults } from './results.ts'
import { Stage } from './stage.ts'
import { suites } from './suites/all.ts'
import { targets } from './targets.ts'
import { compileTools, part, WORKSHOP } from './tools.ts'

const known = { suites: Object.keys(suites), targets: targets.map(({ id }) => id), node: process.execPath }

async function run (args: string[]): Promise<number> {
  const options = parseOptions(args, known)
  try {
    return await perform(options)
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    return 1
  }
}

async function perform (options: Options): Promise<number> {
  const json = pathOf(options.json) ?? join(WORKSHOP, 'results.json')
  if (options.action === 'help') return print(usage.replace('%SUITES%', known.suites.join(', ')).replace('%TARGETS%', known.targets.join(', ')))
  if (options.action === 'install') return spawnSync('bash', [part('install.sh')], { stdio: 'inherit' }).status ?? 1
  if (options.action === 'publish') {
    const results = readResults(json)
    if (Object.keys(results).length === 0) throw new Error(`nothing has been measured: there is no ${json}`)
    publish(results)
    return 0
  }
  return await runSuites(options, json)
}

async function runSuites ({ suites: names, only, node, rounds, seconds, requests }: Options, json: string): Promise<number> {
  settle()
  compileTools()
  const stage = new Stage(pathOf(node) ?? node)
  const say = (line: string): void => { process.stdout.write(`${line}\n`) }
  const order: Order = { suites: Object.fromEntries(Object.entries(suites).filter(([name]) => names.includes(name))), targets, only, effort: { rounds, seconds, requests }, node, json, say }
  try {
    await stage.open()
    const problems = names.includes('check') ? await check(stage, order) : []
    problems.push(...await measure(stage, order))
    if (problems.length > 0) say(`\nFAILED\n${problems.join('\n')}`)
    else if (Object.keys(order.suites).length > 0) say(`\nkept in ${json}`)
    return problems.length > 0 ? 1 : 0
  } finally {
    await stage.close()
  }
}

/** npm changes to the project's folder; paths are meant relative to where the user is. */
function pathOf (path: string | undefined): string | undefined {
  return path === undefined || isAbsolute(path) ? path : join(process.env['INIT_CWD'] ?? process.cwd(), path)
}

function print (text: string): number {
  process.stdout.write(text)
  return 0
}

// What runs in groups of its own is ended by the stage when this process exits.
whenToldToEnd(exitCode => { process.exit(exitCode) })
await runByHand('bench', run)
