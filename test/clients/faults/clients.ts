/**
 * The clients of the matrix, each as it comes. Those that keep connections run as one process for all their calls, so that a connection
 * one call keeps open is used by the next one, as in an app; curl and wget are a process for each call, as in a script.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Milliseconds after which a call counts as hung; longer than every timeout of the proxy here, and than OkHttp's 10 s. */
const CALL_TIMEOUT_MS = 20_000

/** How a body is sent: with its length, in chunks, with its length once 100 Continue is there, or likewise where a final response may come in its place. */
export type Mode = 'length' | 'chunked' | 'expect' | 'refused expect'

/** One POST. */
export interface Call {
  /** Unlike any other call's; the stand-in for AMSU counts by it. */
  readonly id: string
  readonly url: string
  readonly bytes: number
  readonly mode: Mode
  /** What the stand-in is to do. */
  readonly way: string
}

/** What the client reported to its application. */
export interface Outcome {
  /** 0 where no response was seen. */
  readonly status: number
  /** X-Amsu-Proxy-Error, or undefined; `?` where the client does not show headers. */
  readonly code: string | undefined
  /** Bytes of the response body. */
  readonly bytes: number
  /** What was thrown, or undefined. */
  readonly error: string | undefined
}

/** A column of the matrix. */
export interface Client {
  readonly name: string
  readonly modes: readonly Mode[]
  /** Whether it sends a POST again by itself when the response breaks off in its body; no proxy can prevent that. */
  readonly repeatsAfterCut: boolean
  /** Whether it keeps its connections for the next call. */
  readonly isPersistent: boolean
  post: (call: Call) => Promise<Outcome>
  close: () => Promise<void>
}

/** All of them; `classpath` leads to the compiled driver and to OkHttp, `home` is a folder for bodies. */
export function startClients (classpath: string, bodyOf: (bytes: number) => Promise<string>): Client[] {
  const java = (name: string): string[] => ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', classpath, 'JavaClients', name]
  const python = (name: string): string[] => ['/usr/bin/python3', pathOf('python_clients.py'), name]
  const all = ['length', 'chunked', 'expect', 'refused expect'] as const
  return [
    driven('OkHttp', all, java('okhttp')),
    driven('HttpURLConnection', all, java('urlconnection')),
    // Java 17's client waits for ever when a final response with a body comes in place of 100 Continue, from any server.
    driven('HttpClient', ['length', 'chunked', 'expect'], java('httpclient')),
    driven('HttpClient 1.1', ['length', 'chunked', 'expect'], java('httpclient-1.1')),
    driven('requests', ['length', 'chunked'], python('requests')),
    driven('urllib3', ['length', 'chunked'], python('urllib3')),
    driven('fetch', ['length', 'chunked'], [process.execPath, pathOf('fetch-client.js')]),
    { name: 'curl', modes: all, repeatsAfterCut: false, isPersistent: false, post: call => curl(call, bodyOf), close: () => Promise.resolve() },
    { name: 'wget', modes: ['length'], repeatsAfterCut: true, isPersistent: false, post: call => wget(call, bodyOf), close: () => Promise.resolve() },
  ]
}

/** A client that reads calls from its stdin, one a line, and writes an outcome for each. It is started again if it hangs. */
function driven (name: string, modes: readonly Mode[], [command = '', ...args]: string[]): Client {
  const pending = new Map<string, (outcome: Outcome) => void>()
  let child: ChildProcessByStdio<Writable, Readable, null> | undefined

  function start (): ChildProcessByStdio<Writable, Readable, null> {
    const started = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } })
    createInterface({ input: started.stdout }).on('line', line => {
      const [id = '', status, code, bytes, error] = line.split('\t')
      pending.get(id)?.({ status: Number(status), code: code === '-' ? undefined : code, bytes: Number(bytes), error: error === '-' ? undefined : error })
    })
    const kill = (): void => { started.kill('SIGKILL') }
    process.once('exit', kill)
    started.once('exit', () => { process.off('exit', kill) })
    return started
  }

  async function post ({ id, url, bytes, mode, way }: Call): Promise<Outcome> {
    child ??= start()
    child.stdin.write(`${[id, url, bytes, mode === 'refused expect' ? 'expect' : mode, way].join('\t')}\n`)
    return await new Promise(resolve => {
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer)
        pending.delete(id)
        resolve(outcome)
      }
      const timer = setTimeout(() => {
        child?.kill('SIGKILL')
        child = undefined
        settle({ status: 0, code: undefined, bytes: 0, error: 'hung' })
      }, CALL_TIMEOUT_MS)
      pending.set(id, settle)
    })
  }

  return {
    name,
    modes,
    repeatsAfterCut: false,
    isPersistent: true,
    post,
    async close () {
      if (child === undefined) return
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

async function curl ({ id, url, bytes, mode, way }: Call, bodyOf: (bytes: number) => Promise<string>): Promise<Outcome> {
  // Past 1 MB curl asks for 100 Continue by itself; it is taken away where the row is not about that.
  const expect = ['-H', 'Expect: 100-continue', '--expect100-timeout', '15']
  const extra = { length: ['-H', 'Expect:'], chunked: ['-H', 'Expect:', '-H', 'Transfer-Encoding: chunked'], expect, 'refused expect': expect }[mode]
  const { stdout, stderr } = await run('curl', [
    '-q', '--silent', '--show-error', '--max-time', String(CALL_TIMEOUT_MS / 1000), '--output', '/dev/null', '--data-binary', `@${await bodyOf(bytes)}`,
    '--write-out', '%{http_code}\t%header{x-amsu-proxy-error}\t%{size_download}\t%{exitcode}', '-H', 'Content-Type: application/json', '-H', `X-Way: ${way}`, '-H', `X-Id: ${id}`, ...extra, url,
  ])
  const [status, code, size, exit] = stdout.split('\t')
  return { status: Number(status), code: code === '' ? undefined : code, bytes: Number(size), error: exit === '0' ? undefined : stderr.trim() }
}

/** wget tries twenty times as it comes, with longer and longer waits; two are enough to see that it does. */
async function wget ({ id, url, bytes, way }: Call, bodyOf: (bytes: number) => Promise<string>): Promise<Outcome> {
  const { stdout, stderr, exit } = await run('wget', [
    '--no-config', '--no-verbose', '--server-response', '--content-on-error', '--tries=2', '--timeout', String(CALL_TIMEOUT_MS / 2000), '--output-document=-', `--post-file=${await bodyOf(bytes)}`,
    '--header', 'Content-Type: application/json', '--header', `X-Way: ${way}`, '--header', `X-Id: ${id}`, url,
  ])
  const status = [...stderr.matchAll(/^ *HTTP\/1\.1 (\d{3})/gm)].at(-1)?.[1] ?? '0'
  // 6 is a 401, whose body wget does not show, and 8 another error response.
  return { status: Number(status), code: /^ *X-Amsu-Proxy-Error: (\S+)/im.exec(stderr)?.[1], bytes: stdout.length, error: exit === 0 || exit === 6 || exit === 8 ? undefined : stderr.trim().split('\n').at(-1) }
}

async function run (command: string, args: string[]): Promise<{ stdout: string, stderr: string, exit: number | null }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } })
  const [[exit], stdout, stderr] = await Promise.all([once(child, 'close') as Promise<[number | null]>, text(child.stdout), text(child.stderr)])
  return { stdout, stderr, exit }
}

function pathOf (file: string): string {
  return fileURLToPath(new URL(`drivers/${file}`, import.meta.url))
}
