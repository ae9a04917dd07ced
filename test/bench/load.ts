/** The programs that send requests, on the core of the load. */
import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { LOAD_CORE } from './machine.ts'
import type { Running } from './stage.ts'
import { authorizationFor } from './target.ts'
import { environment, part, tool } from './tools.ts'

/** What a load generator saw; latencies are in µs and 0 where they are not taken. */
export interface Seen {
  readonly requests: number
  readonly errors: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  readonly bytes?: number
}

/** One way of pressing a target with small requests. */
export interface Pressure {
  readonly connections: number
  readonly seconds: number
  readonly path: string
  /** Bytes of JSON to POST; a GET without. */
  readonly bodyBytes?: number
  /** Cores of the load, as taskset takes them. */
  readonly cores?: string
}

/** Headers that an ordinary client sends beside its credentials, so that copying headers costs what it costs in life. */
const HEADERS = ['Accept: application/json, text/plain, */*', 'Accept-Encoding: gzip, deflate, br', 'Accept-Language: ko-KR,ko;q=0.9,en;q=0.8', 'User-Agent: okhttp/4.9.3', 'X-Request-Id: 5c0c9b1e-4a36-4b0e-8b57-0f6ad2d0a3c1']

const run = promisify(execFile)

/** Sends as many small requests as the target takes. */
export async function press (running: Running, { connections, seconds, path, bodyBytes, cores = LOAD_CORE }: Pressure): Promise<Seen> {
  const { stdout } = await run('taskset', ['-c', cores, ...wrk(running, connections, seconds, path), ...bodyBytes === undefined ? [] : ['--', String(bodyBytes)]], { env: environment() })
  return read(stdout)
}

/** Opens connections that each send one request, and holds them until the returned function is called. */
export function wait (running: Running, connections: number, path: string): () => Promise<void> {
  const child = spawn('taskset', ['-c', LOAD_CORE, ...wrk(running, connections, 600, path)], { env: environment(), stdio: 'ignore' })
  const ended = new Promise<void>(resolve => { child.once('exit', () => { resolve() }) })
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  return async () => {
    process.off('exit', kill)
    kill()
    await ended
  }
}

/** Sends GETs at a fixed rate, `rate` a second in all. */
export async function keepRate (running: Running, path: string, connections: number, rate: number, seconds: number): Promise<Seen> {
  return await client('rate', running, path, connections, rate, seconds)
}

/** Moves bodies of `mib` MiB, `times` on each connection, `up` or `down`. */
export async function transfer (direction: 'up' | 'down', running: Running, connections: number, mib: number, times: number): Promise<Seen> {
  return await client(direction, running, direction === 'up' ? '/amsu-analysis/v2/hrv/common/results/' : `/amsu-analysis/v2/large?mib=${mib}`, connections, mib, times)
}

async function client (mode: string, running: Running, path: string, ...numbers: readonly number[]): Promise<Seen> {
  const headers = headersFor(running).map(line => `${line}\r\n`).join('')
  const { stdout } = await run('taskset', ['-c', LOAD_CORE, tool('client'), mode, String(running.port), headers, path, ...numbers.map(String)], { env: environment() })
  return read(stdout)
}

function wrk (running: Running, connections: number, seconds: number, path: string): string[] {
  const headers = headersFor(running).flatMap(line => ['-H', line])
  return ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', part('native/load.lua'), ...headers, `http://127.0.0.1:${running.port}${path}`]
}

/** The same headers for every load generator: a program that is optimized for one set must not be timed with another. */
function headersFor ({ target }: Running): string[] {
  return [`Authorization: ${authorizationFor(target)}`, ...HEADERS]
}

/** Both end with one line of JSON. */
function read (stdout: string): Seen {
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as Seen
}
