/** The apps of test/clients/apps: how each is run, and its output. All make the same calls and print each response as one line of JSON. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Milliseconds that an app may take for all its calls. */
const appTimeoutMs = 60_000

/** What every app does, by the names it prints; the order differs a little. */
export const stepNames = [
  'token', 'renewal', 'refreshment', 'times', 'redirect', 'calorie', 'rr-list', 'bad field', 'no authorization', 'wrong secret',
] as const

/** A call that every app makes. */
export type StepName = typeof stepNames[number]

/** One response, as the app printed it. */
export interface Step {
  step: StepName
  status: number
  body: unknown
}

/** One of the vendor's four kinds of client, or curl. */
export interface App {
  name: string
  command: string
  args: readonly string[]
}

/** The configuration of an app; for AMSU and for the proxy it differs in base URL and credentials only. */
export interface AppEnvironment {
  BASE_URL: string
  CLIENT_ID: string
  CLIENT_SECRET: string
  ECG_FILE: string
}

/** What an app did. */
export interface AppRun {
  steps: ReadonlyMap<StepName, Step>
  stdout: string
  stderr: string
  durationMs: number
}

/** All of them; `classpath` leads to the compiled OkHttp app and to OkHttp, `nsurlsessionApp` is the compiled one. */
export function knownApps (classpath: string, nsurlsessionApp: string): App[] {
  return [
    { name: 'OkHttp', command: 'java', args: ['-cp', classpath, 'OkHttpApp'] },
    // Debian's own Python, which has Debian's python3-requests.
    { name: 'Python requests', command: '/usr/bin/python3', args: [pathOf('requests_app.py')] },
    { name: 'JS fetch', command: process.execPath, args: [pathOf('fetch-app.js')] },
    { name: 'NSURLSession', command: nsurlsessionApp, args: [] },
    { name: 'curl', command: 'bash', args: [pathOf('curl-app.sh')] },
  ]
}

/** Runs an app to its end, with only its configuration in the environment; rejects unless it succeeds and has made every call once. */
export async function runApp ({ name, command, args }: App, told: AppEnvironment, home: string): Promise<AppRun> {
  const startedAt = performance.now()
  const child = spawn(command, args, {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, ...told },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: appTimeoutMs,
    killSignal: 'SIGKILL',
  })
  const kill = () => { child.kill('SIGKILL') }
  process.once('exit', kill)
  const [[code, signal], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  process.off('exit', kill)
  const said = `${stdout}${stderr}`
  if (code !== 0) throw new Error(`${name} ended with ${String(code ?? signal)}:\n${said}`)
  const lines = stdout.trim().split('\n').map(line => JSON.parse(line) as Step)
  const names = lines.map(line => line.step).sort().join(', ')
  if (names !== [...stepNames].sort().join(', ')) throw new Error(`${name} did not make every call once:\n${said}`)
  return { steps: new Map(lines.map(line => [line.step, line])), stdout, stderr, durationMs: performance.now() - startedAt }
}

function pathOf (file: string): string {
  return fileURLToPath(new URL(`apps/${file}`, import.meta.url))
}
