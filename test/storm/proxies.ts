/** The proxies of a storm, each reached in another way and set a little differently, each before an AMSU of its own. */
import { lookup } from 'node:dns/promises'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { pemPath } from '../support/tls.ts'
import { Amsu } from './amsu.ts'
import type { Address } from './client.ts'
import { caller, closedProxies, limits } from './plan-request.ts'
import { ProxyProcess } from './proxy-process.ts'
import type { Exit } from '../support/built-proxy.ts'
import type { RequestLedger } from './request-ledger.ts'
import type { ProxyName } from './script.ts'

/** Timeouts of every proxy, in milliseconds. */
export const timeouts = { response: 2_500, idle: 1_500, token: 1_500, grace: 2_000 }
/** Requests that a proxy takes at once. */
export const maxInFlight = 64
/**
 * Connections to AMSU of each, how long a request waits for one, and the life of the tokens: where that is shorter, a request in the
 * queue outlives its token.
 */
const differences: Readonly<Record<ProxyName, { readonly maxConnections: number, readonly connectMs: number, readonly tokenLifeSeconds: number }>> = {
  plain: { maxConnections: 20, connectMs: 2_000, tokenLifeSeconds: 1 },
  tls: { maxConnections: 8, connectMs: 500, tokenLifeSeconds: 86_400 },
  unix: { maxConnections: 4, connectMs: 2_000, tokenLifeSeconds: 1 },
  localhost: { maxConnections: 20, connectMs: 500, tokenLifeSeconds: 86_400 },
}
/** All of them. */
export const proxyNames = Object.keys(differences) as ProxyName[]

/** What the proxies of a storm share. */
export interface ProxyOptions {
  readonly node: string
  readonly ledger: RequestLedger
  readonly onFinding: (what: string) => void
}

/** One proxy with its AMSU. */
export class StormProxy {
  readonly name: ProxyName
  readonly amsu: Amsu
  readonly maxConnections: number
  readonly #options: ProxyOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'storm-'))
  #process!: ProxyProcess
  #addresses: Address[] = []
  #isStopping = false
  /** Times of the starts, the first one included. */
  readonly starts: number[] = []
  /** Times at which AMSU broke all connections. */
  readonly breaks: number[] = []

  constructor (name: ProxyName, options: ProxyOptions) {
    this.name = name
    this.#options = options
    this.maxConnections = differences[name].maxConnections
    this.amsu = new Amsu(differences[name].tokenLifeSeconds, options.ledger.noteArrival)
  }

  /** Starts AMSU and the proxy. */
  async start (): Promise<void> {
    await this.amsu.up()
    await this.#run()
  }

  /** The process as it runs now. */
  get process (): ProxyProcess {
    return this.#process
  }

  /** Where it is reached; one of several, where there are. */
  address (place: number): Address {
    return this.#addresses[place % this.#addresses.length]!
  }

  /** Asks it to end; resolves to how it did, or undefined if it had to be killed. */
  async stop (timeoutMs: number): Promise<Exit | undefined> {
    this.#isStopping = true
    this.#process.kill('SIGTERM')
    let isKilled = false
    const timer = setTimeout(() => { isKilled = true; this.#process.kill('SIGKILL') }, timeoutMs)
    const exit = await this.#process.exited
    clearTimeout(timer)
    return isKilled ? undefined : exit
  }

  /** Ends everything at once. */
  close (): void {
    this.#isStopping = true
    if (this.#process?.isAlive) this.#process.kill('SIGKILL')
    this.amsu.down(true)
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true })
  }

  async #run (): Promise<void> {
    const { node, ledger, onFinding } = this.#options
    this.starts.push(performance.now())
    const running = new ProxyProcess({
      node,
      environment: this.#environment(),
      onLine: ledger.noteLine,
      onBadLine: line => { onFinding(`(b) bad line in the log of ${this.name}: ${line.slice(0, 1_500)}`) },
    })
    this.#process = running
    running.exited.then(async exit => {
      if (this.#isStopping) return
      onFinding(`(a) the process of ${this.name} has died: ${JSON.stringify(exit)}`)
      await this.#run()
    }).catch((error: unknown) => { if (!this.#isStopping) onFinding(`(a) ${this.name} could not be started again: ${(error as Error).message}`) })
    await running.ready()
    this.#addresses = await addressesOf(running.address!, this.name)
  }

  #environment (): Record<string, string> {
    const socketPath = join(this.#folder, 'proxy.sock')
    const own: Record<ProxyName, Record<string, string>> = {
      plain: { PORT: '0' },
      tls: { PORT: '0', TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') },
      unix: { UNIX_SOCKET: socketPath },
      localhost: { PORT: '0', HOST: 'localhost' },
    }
    return {
      ...own[this.name],
      AMSU_CLIENT_ID: CLIENT_ID,
      AMSU_CLIENT_SECRET: CLIENT_SECRET,
      AMSU_BASE_URL: this.amsu.origin,
      ...closedProxies.has(this.name) ? { CALLERS: `${caller.name}:${caller.secret}` } : {},
      QUOTA_POLL_SECONDS: '0',
      UPSTREAM_MAX_CONNECTIONS: String(this.maxConnections),
      UPSTREAM_CONNECT_TIMEOUT_MS: String(differences[this.name].connectMs),
      UPSTREAM_RESPONSE_TIMEOUT_MS: String(timeouts.response),
      UPSTREAM_IDLE_TIMEOUT_MS: String(timeouts.idle),
      TOKEN_WAIT_MS: String(timeouts.token),
      TOKEN_REQUEST_TIMEOUT_MS: '2000',
      SHUTDOWN_GRACE_MS: String(timeouts.grace),
      MAX_IN_FLIGHT: String(maxInFlight),
      MAX_BODY_BYTES: String(limits.maxBodyBytes),
      REPLAY_BODY_BYTES: String(limits.replayBodyBytes),
    }
  }
}

/** Everything the words of the log lead to: a name may have two addresses. */
async function addressesOf (address: string, name: ProxyName): Promise<Address[]> {
  if (name === 'unix') return [{ path: address.replace(/^unix:/, '') }]
  const { port } = new URL(address)
  const hosts = name === 'localhost' ? (await lookup('localhost', { all: true })).map(each => each.address) : ['127.0.0.1']
  return hosts.map(host => ({ host, port: Number(port), isTls: name === 'tls' }))
}
