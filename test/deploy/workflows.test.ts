import { test } from 'tap'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readYaml } from './manifests.ts'

const root = new URL('../../', import.meta.url).pathname
const folder = `${root}.github/workflows/`
const files = readdirSync(folder)

interface Job { readonly permissions?: Record<string, string>, readonly 'timeout-minutes': number, readonly strategy?: { matrix: Record<string, string[]> }, readonly steps: readonly { uses?: string, run?: string, with?: Record<string, unknown> }[] }
interface Workflow { readonly true: Record<string, unknown>, readonly permissions: Record<string, string>, readonly concurrency: object, readonly jobs: Record<string, Job> }

const { scripts, engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string>, engines: { node: string } }
const workflows = files.map(file => {
  const [workflow] = readYaml(folder + file) as [Workflow]
  return { file, text: readFileSync(folder + file, 'utf8'), workflow, jobs: Object.values(workflow.jobs) }
})

test('every action is pinned by its full commit, with its version beside it, the same everywhere', async t => {
  const pins = new Map<string, string>()
  for (const { file, text } of workflows) {
    for (const [line, action = '', pin = ''] of text.matchAll(/^.*\buses:\s*([^@\s]+)(.*)$/gm)) {
      t.match(pin, /^@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${file}: ${line.trim()}`)
      t.equal(pins.get(action) ?? pin, pin, `${action} has one version`)
      pins.set(action, pin)
    }
  }
  t.ok(pins.size >= 8)
})

test('a workflow may read the code and no more; what a job needs beyond that it names', async t => {
  for (const { file, workflow, jobs } of workflows) {
    t.same(workflow.permissions, { contents: 'read' }, file)
    // YAML 1.1, which GitHub does not follow here, reads the key `on` as true.
    t.same(Object.keys(workflow.true).filter(event => !['push', 'pull_request'].includes(event)), [], `${file} starts by nothing that lends its rights to a stranger's code`)
    t.ok(workflow.concurrency, file)
    for (const job of jobs) {
      t.ok(job['timeout-minutes'] > 0, file)
      if ('pull_request' in workflow.true) t.equal(job.permissions, undefined, file)
      for (const step of job.steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))) t.equal(step.with?.['persist-credentials'], false, `${file}: no token is left beside the code`)
      for (const { run = '' } of job.steps) t.notMatch(run, /\$\{\{/, `${file}: what comes from outside reaches a shell as a variable only`)
    }
  }
})

test('the tests run on the oldest Node.js that is promised, and every script a workflow names exists', async t => {
  const jobs = workflows.flatMap(workflow => workflow.jobs)
  const nodes = jobs.flatMap(({ strategy }) => strategy?.matrix['node'] ?? [])
  t.same(nodes, ['20.19', '22', '24', '26'])
  t.equal(engines.node, `>=${String(nodes[0])}`)
  const named = workflows.flatMap(({ text }) => [...text.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, name]) => name))
  for (const name of [...named, ...jobs.flatMap(({ strategy }) => strategy?.matrix['suite'] ?? [])]) t.ok(String(name) in scripts, String(name))
})

test('Dependabot looks after packages, images and actions, where there are any', async t => {
  const [{ updates }] = readYaml(`${root}.github/dependabot.yml`) as [{ updates: { 'package-ecosystem': string, directory?: string, directories?: string[] }[] }]
  t.same(updates.map(update => update['package-ecosystem']), ['npm', 'docker', 'docker-compose', 'github-actions'])
  for (const { directory, directories = [directory] } of updates) for (const path of directories) t.ok(existsSync(`${root}${String(path)}`), String(path))
})
