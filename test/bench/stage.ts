/** The upstream and the programs under test, as processes: each on its core, and all of them ended at the end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { LOAD_CORE, PROXY_CORE } from './machine.ts'
import { authorizationFor, TOKEN, type Target } from './target.ts'
import { environment, tool, WORKSHOP } from './tools.ts'

/** The path whose response has about 200 bytes. */
export const PING = '/amsu-analysis/v2/ping'
/** Milliseconds in which a program must relay its first request. */
const START_TIMEOUT_MS = 20_000
/** Milliseconds a program has to end before it is killed. */
const STOP_TIMEOUT_MS = 3_000

/** What the upstream has counted. */
export interface Counters { readonly responded: number, readonly refused: number, readonly received: number, readonly held: number }

/** A target that runs, or the upstream itself. */
export interface Running {
  readonly target: Target
  readonly port: number
  /** Its process group; that of the upstream for `direct`. */
  readonly group: number
  readonly folder: string
}

/** How a target is started beside its own way. */
export interface StartOptions {
  /** Cores it may use, as taskset takes them. */
  readonly cores?: string
  readonly nodeOptions?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
}

/** Runs programs for the time of a benchmark. */
export class Stage {
  readonly #node: string
  readonly #children = new Set<ChildProcess>()
  #upstream: ChildProcess | undefined
  /** Port of the upstream. */
  upstreamPort = 0

  constructor (node: string) {
    this.#node = node
    process.once('exit', () => { for (const child of this.#children) signal(child, 'SIGKILL') })
  }

  /** Starts the upstream. */
  async open (): Promise<void> {
    rmSync(`${WORKSHOP}/run`, { recursive: true, force: true })
    const child = spawn('taskset', ['-c', LOAD_CORE, tool('upstream')], { env: environment({ TOKEN }), stdio: ['ignore', 'pipe', 'inherit'], detached: true })
    this.#children.add(child)
    const [line] = await once(child.stdout, 'data') as [Buffer]
    this.#upstream = child
    this.upstreamPort = Number(line.toString())
  }

  /** Starts a target and resolves as soon as the system has it; it listens later. */
  async spawn (target: Target, { cores = PROXY_CORE, nodeOptions = [], variables = {} }: StartOptions = {}): Promise<Running> {
    if (target.launch === undefined) return { target, port: this.upstreamPort, group: this.#upstream?.pid ?? 0, folder: WORKSHOP }
    const port = await freePort()
    const folder = `${WORKSHOP}/run/${target.id}-${port}`
    mkdirSync(folder, { recursive: true })
    const { argv, environment: own = {}, files = {} } = target.launch({ port, upstreamPort: this.upstreamPort, folder, node: this.#node })
    for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text)
    const [command = '', ...words] = argv
    // A log costs what it costs on a disk: a real file, not /dev/null.
    const output = openSync(`${folder}/output`, 'w')
    const child = spawn('taskset', ['-c', cores, command, ...command === this.#node ? nodeOptions : [], ...words], { cwd: folder, env: environment({ ...own, ...variables }), stdio: ['ignore', output, output], detached: true })
    closeSync(output)
    this.#children.add(child)
    if (child.pid === undefined) throw new Error(`taskset could not be started for ${target.id}`)
    return { target, port, group: child.pid, folder }
  }

  /** Starts a target and resolves when it has relayed a request. */
  async start (target: Target, options: StartOptions = {}): Promise<Running> {
    const running = await this.spawn(target, options)
    await this.firstResponse(running, 20)
    return running
  }

  /** Resolves when a target has relayed a request; it is asked again `everyMs` after it could not be reached. */
  async firstResponse (running: Running, everyMs: number): Promise<void> {
    const latest = performance.now() + START_TIMEOUT_MS
    while (performance.now() < latest && this.#childOf(running)?.exitCode === null) {
      if (await statusOf(running) === 200) return
      await pause(everyMs)
    }
    const said = running.target.launch === undefined ? '' : readFileSync(`${running.folder}/output`, 'utf8').slice(-500)
    await this.stop(running)
    throw new Error(`${running.target.id} did not relay a request: ${said}`)
  }

  /** Ends a target. The upstream goes on until {@link close}. */
  async stop (running: Running): Promise<void> {
    if (running.target.launch === undefined) return
    const child = this.#childOf(running)
    if (child !== undefined) await this.#end(child)
    rmSync(running.folder, { recursive: true, force: true })
  }

  /** Ends everything but the upstream, and removes what it has written. */
  async clear (): Promise<void> {
    await Promise.all([...this.#children].filter(child => child !== this.#upstream).map(async child => { await this.#end(child) }))
    rmSync(`${WORKSHOP}/run`, { recursive: true, force: true })
  }

  /** Ends everything. */
  async close (): Promise<void> {
    await this.clear()
    if (this.#upstream !== undefined) await this.#end(this.#upstream)
  }

  /** What the upstream has counted so far. */
  async counters (): Promise<Counters> {
    const response = await ask(this.upstreamPort, '/counters', '')
    return JSON.parse(response.slice(response.indexOf('{'))) as Counters
  }

  #childOf ({ group }: Running): ChildProcess | undefined {
    return [...this.#children].find(({ pid }) => pid === group)
  }

  async #end (child: ChildProcess): Promise<void> {
    this.#children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    signal(child, 'SIGTERM')
    await Promise.race([ended, pause(STOP_TIMEOUT_MS)])
    // Workers too, whose master has gone.
    signal(child, 'SIGKILL')
    await ended
  }
}

/** The status of one GET over a connection of its own; 0 when there was no response. */
export async function statusOf ({ port, target }: Running, path = PING, authorization = authorizationFor(target)): Promise<number> {
  try {
    return Number((await ask(port, path, authorization)).split(' ', 2)[1] ?? 0)
  } catch {
    return 0
  }
}

/** One GET over a connection of its own, read to its end. */
async function ask (port: number, path: string, authorization: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.setTimeout(10_000, () => { socket.destroy(new Error('no response')) })
  const credentials = authorization === '' ? '' : `Authorization: ${authorization}\r\n`
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n${credentials}\r\n`)
  let response = ''
  for await (const chunk of socket) response += (chunk as Buffer).toString('latin1')
  return response
}

/** Signals a whole group. */
function signal ({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // It has ended.
  }
}
