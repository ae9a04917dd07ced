/**
 * A stand-in for AMSU below HTTP: it issues tokens properly, counts how often each POST came by its header X-Id, and does with it what
 * its header X-Way says.
 */
import { EventEmitter, once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { ways } from './ways.ts'

/** How often a POST came. */
export interface Arrivals {
  /** Its head. */
  readonly heads: number
  /** All of it. */
  readonly whole: number
}

/** What the stand-in does before it reads: `close` and `reset` end each connection that is made. */
export type Acceptance = 'serve' | 'close' | 'reset'

/** What it does with token calls: `hold` keeps them until it changes. */
export type TokenMode = 'issue' | 'hold' | 'reject'

/** The stand-in. */
export interface Amsu {
  readonly origin: string
  acceptance: Acceptance
  arrivals: (id: string) => Arrivals
  setTokenMode: (mode: TokenMode) => void
  /** Sets for how many requests the faults that wait for all clients wait, from now on. */
  expect: (requests: number) => void
  /** Resolves once each of these has come whole. */
  arrived: (ids: readonly string[]) => Promise<void>
  /** Ends every connection and listens no more. */
  leave: () => Promise<void>
}

/** Starts it on a free port. */
export async function startAmsu (): Promise<Amsu> {
  const heads = new Map<string, number>()
  const wholes = new Map<string, number>()
  const sockets = new Set<Socket>()
  const events = new EventEmitter().setMaxListeners(0)
  const token: { mode: TokenMode, count: number } = { mode: 'issue', count: 0 }
  let gathering = gather(0)

  async function onRequest ({ line, headers }: Head, socket: Socket, whole: Promise<void>): Promise<void> {
    if (line.includes('/v2/token')) {
      await whole
      while (token.mode === 'hold') await once(events, 'token mode')
      socket.end(token.mode === 'reject' ? reply('401 Unauthorized', { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'Incorrect client id or secret.' } }) : issue(++token.count))
      return
    }
    const id = headers.get('x-id') ?? ''
    add(heads, id)
    whole.then(() => { add(wholes, id); events.emit('whole') }, () => {})
    gathering.count()
    const way = ways[headers.get('x-way') ?? '']
    if (way === undefined) throw new Error(`no way: ${String(headers.get('x-way'))}`)
    await way({ socket, hasFirstToken: headers.get('authorization') === `Bearer ${tokenOf(1)}`, whole, everybodyCame: gathering.done })
  }

  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => { sockets.delete(socket) }).on('error', () => {})
    if (amsu.acceptance === 'serve') readRequests(socket, (head, whole) => { onRequest(head, socket, whole).catch(fail) })
    if (amsu.acceptance === 'close') socket.destroy()
    if (amsu.acceptance === 'reset') socket.resetAndDestroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const amsu: Amsu = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    acceptance: 'serve',
    arrivals: id => ({ heads: heads.get(id) ?? 0, whole: wholes.get(id) ?? 0 }),
    setTokenMode (mode) { token.mode = mode; events.emit('token mode') },
    expect (requests) { gathering = gather(requests) },
    async arrived (ids) { while (!ids.every(id => wholes.has(id))) await once(events, 'whole') },
    async leave () {
      if (!server.listening) return
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return amsu
}

interface Head {
  readonly line: string
  readonly headers: ReadonlyMap<string, string>
}

/** Reads requests one behind the other; bodies are counted, or searched for the last chunk, and dropped. */
function readRequests (socket: Socket, onHead: (head: Head, whole: Promise<void>) => void): void {
  let text = ''
  let body: { left: number, resolve: () => void } | undefined
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    for (;;) {
      if (body === undefined) {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = parseHead(text.slice(0, end))
        text = text.slice(end + 4)
        const { promise, resolve } = later()
        body = { left: head.headers.has('transfer-encoding') ? Infinity : Number(head.headers.get('content-length') ?? 0), resolve }
        onHead(head, promise)
      }
      // The bodies of the clients hold neither line ends nor zeros, so this is the last chunk.
      const last = body.left === Infinity ? text.indexOf('0\r\n\r\n') : -1
      if (body.left === Infinity && last < 0) { text = text.slice(-4); return }
      const taken = last >= 0 ? last + 5 : Math.min(body.left, text.length)
      text = text.slice(taken)
      body.left = last >= 0 ? 0 : body.left - taken
      if (body.left > 0) return
      body.resolve()
      body = undefined
    }
  })
}

function parseHead (text: string): Head {
  const [line = '', ...fields] = text.split('\r\n')
  return { line, headers: new Map(fields.map(field => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()])) }
}

function gather (requests: number): { count: () => void, done: Promise<void> } {
  const { promise, resolve } = later()
  let left = requests
  if (left === 0) resolve()
  return { count: () => { if (--left <= 0) resolve() }, done: promise }
}

function later (): { promise: Promise<void>, resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}

/** A stand-in that does not know what to do proves nothing. */
function fail (error: unknown): never {
  console.error(error)
  process.exit(1)
}

function add (counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1)
}

function tokenOf (number: number): string {
  return `clients-token-${number}-${'x'.repeat(40)}`
}

function issue (number: number): string {
  return reply('200 OK', { access_token: tokenOf(number), token_type: 'bearer', expires_in: 86_400, refresh_token: `clients-refresh-${number}-${'y'.repeat(40)}` })
}

function reply (status: string, value: unknown): string {
  const body = JSON.stringify(value)
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
