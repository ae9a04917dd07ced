/**
 * A proxy with a faulty line on one of its two sides, and the calls of all kinds that are made over it: what the clients get, what
 * AMSU receives, and what remains open.
 */
import http, { type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { errorCode } from './client.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { startToxic, type Direction, type Toxic, type Toxics } from './toxic.ts'
import { until } from './until.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const BULK_BYTES = 20_000_000
const CHUNK = Buffer.alloc(62_500, 'x')

/** A call that has not ended after this long hangs. */
const HANGS_MS = 15_000

/** What is called, and how many bytes go up. */
const CALLS = {
  GET: { method: 'GET', path: '/amsu-analysis/v2/small/', bytes: 0, isChunked: false },
  POST: { method: 'POST', path: '/amsu-analysis/v2/small/', bytes: 100, isChunked: false },
  'upload with a length': { method: 'POST', path: '/amsu-analysis/v2/big/', bytes: BULK_BYTES, isChunked: false },
  'upload in chunks': { method: 'POST', path: '/amsu-analysis/v2/big/', bytes: BULK_BYTES, isChunked: true },
  download: { method: 'GET', path: '/amsu-analysis/v2/download/', bytes: 0, isChunked: false },
} as const

export type CallName = keyof typeof CALLS

export const CALL_NAMES = Object.keys(CALLS) as CallName[]

/**
 * What became of a call: `good` is the right response, whole; a code is the proxy's, a status is AMSU's; `cut` is a connection that broke
 * before the end of a response; `no response` is a client that gave up.
 */
export interface Ending {
  readonly name: CallName
  readonly id: string
  readonly outcome: string
}

/** One time AMSU saw the head of a request. */
interface Sending {
  readonly id: string
  readonly method: string
  /** The connection had been used before. */
  readonly isPooled: boolean
}

/** A memory that grows by this much over all calls has a leak, or holds a body. */
const MAX_GROWTH_BYTES = 60_000_000

export interface Stage {
  readonly proxy: Proxy
  readonly toxic: Toxic
  readonly upstream: Upstream
  /** Whether AMSU has seen the head of a call. */
  readonly hasSeen: (ending: Ending) => boolean
  /** Makes one call; `limitMs` is how long its caller waits. */
  readonly make: (name: CallName, limitMs?: number) => Promise<Ending>
  /** Makes a call of each kind at once over lines that have been used, with a fault in one direction. */
  readonly makeAll: (direction: Direction, toxics: Toxics, limitMs?: number) => Promise<Ending[]>
  /** Checks that nothing is left of any call, that none was sent twice, and that the next one is served. */
  readonly checkAftermath: (t: Test) => Promise<void>
  /** The log line of a call, or undefined if the proxy never saw it. */
  readonly lineOf: (ending: Ending) => Record<string, unknown> | undefined
  /** Stops the proxy, and checks that nothing was in flight and no connection is open. */
  readonly stop: (t: Test) => Promise<void>
}

let calls = 0

/** Starts a proxy with a faulty line between it and AMSU, or between its callers and it. */
export async function startStage (t: Test, side: 'upstream' | 'caller', settings: Record<string, string> = {}): Promise<Stage> {
  const sendings: Sending[] = []
  const busy = new Set<ServerResponse>()
  const upstream = await startAmsu(sendings, busy)
  const behind = side === 'upstream' ? await startToxic(upstream) : undefined
  // A long grace period: stopping takes it only if a request is still in flight.
  const proxy = await startProxy((behind ?? upstream).origin, { SHUTDOWN_GRACE_MS: '60000', ...settings })
  const callers = watchCallers(proxy)
  const toxic = behind ?? await startToxic(proxy)
  const port = side === 'upstream' ? proxy.port : toxic.port
  t.teardown(async () => { await toxic.close(); await upstream.close(); if (!isStopped) await proxy.stop() })
  let isStopped = false
  const linesOf = (id: string): Array<Record<string, unknown>> => proxy.accessLines().filter(({ requestId }) => requestId === id)

  const stage: Stage = {
    proxy,
    toxic,
    upstream,
    hasSeen: ending => sendings.some(({ id }) => id === ending.id),
    make: async (name, limitMs = HANGS_MS) => await makeCall(port, name, limitMs),
    async makeAll (direction, toxics, limitMs) {
      await Promise.all(CALL_NAMES.map(async () => await stage.make('GET')))
      toxic.set(direction, toxics)
      const endings = await Promise.all(CALL_NAMES.map(async name => await stage.make(name, limitMs)))
      // What never reached the proxy has no line.
      if (side === 'upstream') await until(() => endings.every(ending => stage.lineOf(ending) !== undefined))
      return endings
    },
    async checkAftermath (t) {
      await toxic.heal()
      await t.resolves(until(() => callers.size === 0 && (side === 'upstream' || toxic.sockets.size === 0)), 'no caller’s connection is left')
      await t.resolves(until(() => busy.size === 0), 'AMSU works on nothing any more')
      const ids = new Set(sendings.map(({ id }) => id))
      await t.resolves(until(() => [...ids].every(id => linesOf(id).length === 1)), 'each request has one line in the log')
      t.strictSame([...ids].filter(id => !isRightlySent(sendings.filter(sending => sending.id === id))), [], 'nothing is sent twice')
      t.equal((await stage.make('GET')).outcome, 'good', 'the next request is served')
    },
    lineOf: ({ id }) => linesOf(id)[0],
    async stop (t) {
      const before = performance.now()
      isStopped = true
      await proxy.stop()
      t.ok(performance.now() - before < 30_000, 'nothing was under way')
      await t.resolves(until(() => upstream.sockets.size === 0 && toxic.sockets.size === 0), 'no connection is left')
    },
  }
  return stage
}

/** Notes the memory that is in use now, to check later that it has not grown much. */
export function watchMemory (t: Test): { check: () => void } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage.rss()
  return {
    check () {
      collect()
      const growth = process.memoryUsage.rss() - before
      t.ok(growth < MAX_GROWTH_BYTES, `the memory has grown by ${Math.round(growth / 1e6)} MB`)
    },
  }
}

/** Once; or, for a GET whose first connection had been used before and so may have been dead, twice. */
function isRightlySent (sent: readonly Sending[]): boolean {
  return sent.length === 1 || (sent.length === 2 && sent[0]?.method === 'GET' && sent[0].isPooled)
}

/** An AMSU that swallows what goes up and tells how much it was, and sends a bulk down. */
async function startAmsu (sendings: Sending[], busy: Set<ServerResponse>): Promise<Upstream> {
  const used = new WeakSet<Socket>()
  return await startUpstream({
    onHead (req, res) {
      const isPooled = used.has(req.socket)
      used.add(req.socket)
      if (String(req.url).startsWith('/amsu-analysis/v2/token')) return false
      sendings.push({ id: String(req.headers['x-request-id']), method: String(req.method), isPooled })
      busy.add(res)
      res.on('close', () => busy.delete(res))
      let bytes = 0
      req.on('data', (chunk: Buffer) => { bytes += chunk.length })
      req.on('end', () => {
        if (req.url === CALLS.download.path) writeBulk(res)
        else json(res, 200, { bytes })
      })
      req.on('error', () => {}) // the proxy let go
      return true
    },
  })
}

/** Writes a bulk as fast as it is taken. */
function writeBulk (stream: Writable, sentBytes = 0): void {
  let bytes = sentBytes
  while (bytes < BULK_BYTES && !stream.destroyed) {
    bytes += CHUNK.length
    if (!stream.write(CHUNK)) {
      stream.once('drain', () => { writeBulk(stream, bytes) })
      return
    }
  }
  stream.end()
}

/** The open connections of callers. */
function watchCallers ({ servers }: Proxy): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  for (const server of servers.flatMap(({ listener }) => listener.servers)) {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
  }
  return sockets
}

async function makeCall (port: number, name: CallName, limitMs: number): Promise<Ending> {
  const { bytes, isChunked, method, path } = CALLS[name]
  const id = `${name.replaceAll(' ', '-')}-${++calls}`
  const length = bytes === 0 || isChunked ? {} : { 'content-length': bytes }
  const req = http.request({ host: '127.0.0.1', port, method, path, agent: false, headers: { 'x-request-id': id, ...length } })
  const outcome = await new Promise<string>(resolve => {
    const timer = setTimeout(() => {
      resolve('no response')
      req.destroy()
    }, limitMs)
    req.on('response', res => {
      let got = 0
      let text = ''
      res.on('data', (chunk: Buffer) => {
        got += chunk.length
        if (got < 1000) text += chunk.toString()
      })
      res.on('end', () => { resolve(isGood(name, Number(res.statusCode), got, text) ? 'good' : errorCode(text) ?? String(res.statusCode)) })
      res.on('error', () => { resolve('cut') })
    })
    req.on('error', () => { resolve('cut') })
    req.on('close', () => {
      clearTimeout(timer)
      resolve('cut')
    })
    if (bytes === BULK_BYTES) writeBulk(req)
    else req.end('x'.repeat(bytes))
  })
  return { name, id, outcome }
}

function isGood (name: CallName, status: number, got: number, text: string): boolean {
  return status === 200 && (name === 'download' ? got === BULK_BYTES : text === JSON.stringify({ bytes: CALLS[name].bytes }))
}
