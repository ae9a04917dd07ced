/**
 * What clients see of a proxy that stops. As soon as it listens no more, somebody else listens on its port, and counts: what a client
 * sends again by itself arrives there.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { check } from '../../support/check.ts'
import { call } from '../../support/client.ts'
import { endProgram, startProgram, type Program } from '../../support/program.ts'
import { until } from '../../support/until.ts'
import { startAmsu, type Amsu } from './amsu.ts'
import type { Client } from './clients.ts'
import { cellOf, faultOf, startCall, wordsOf, type Cell } from './matrix.ts'
import { BODY } from './ways.ts'

const GOOD = { way: 'good', bytes: 200, mode: 'length' } as const
const HELD = { way: 'silence', bytes: 200, mode: 'length' } as const

/** Who listens on the port of a proxy that has stopped. */
interface Successor {
  /** Calls it was sent, by X-Id. */
  readonly got: string[]
  close: () => Promise<void>
}

/** A proxy with its token, and AMSU behind it. */
interface Stage {
  readonly amsu: Amsu
  readonly program: Program
  /** Stops the proxy, and takes its port at once. */
  stop: () => Promise<Successor>
}

/** Runs the rows. `persistent` clients alone can hold an idle connection. */
export async function runStopping (clients: readonly Client[], isVerbose: boolean): Promise<void> {
  const persistent = clients.filter(({ isPersistent }) => isPersistent)
  await check('the proxy stops: what outlasts the grace period gets an error response', async () => {
    await onStage({ SHUTDOWN_GRACE_MS: '700' }, async ({ amsu, program, stop }) => {
      const started = clients.map(client => startCall(client, program.origin, HELD))
      await amsu.arrived(started.map(({ id }) => id))
      const successor = await stop()
      const cells = await Promise.all(started.map(one => cellOf(one, amsu)))
      await successor.close()
      const fault = (cell: Cell): string | undefined => faultOf(cell, { status: 504, code: 'UPSTREAM_TIMEOUT', whole: [1] })
      report(cells, started.map(({ id }) => id), fault, successor, isVerbose)
    })
  })
  // At the same moment is many moments: the signal first, the requests first, and a few turns of this loop between them.
  for (const turns of [-3, -1, 0, 1, 3, 20]) {
    await check(`the proxy stops while idle connections are used again, ${turns} turns after the requests`, async () => {
      await onStage({}, async stage => { await stopAtOnce(stage, persistent, turns, isVerbose) })
    })
  }
  await check('the proxy has closed connections that clients still keep', async () => {
    await onStage({}, async ({ amsu, program, stop }) => {
      for (const { outcome } of persistent.map(client => startCall(client, program.origin, GOOD))) assert.equal((await outcome).status, 200)
      const successor = await stop()
      await program.exited
      const started = persistent.map(client => startCall(client, program.origin, GOOD))
      const cells = await Promise.all(started.map(one => cellOf(one, amsu)))
      await successor.close()
      const fault = ({ arrivals }: Cell): string | undefined => arrivals.heads === 0 ? undefined : 'AMSU should have nothing'
      report(cells, started.map(({ id }) => id), fault, successor, isVerbose)
    })
  })
}

/** Clients with idle connections send their next POST at the moment of the signal: it is served, refused, or never began. */
async function stopAtOnce ({ amsu, program, stop }: Stage, clients: readonly Client[], turns: number, isVerbose: boolean): Promise<void> {
  for (const { outcome } of clients.map(client => startCall(client, program.origin, GOOD))) assert.equal((await outcome).status, 200)
  const stopping = turns < 0 ? stop() : undefined
  for (let i = turns; i < 0; i++) await turn()
  const started = clients.map(client => startCall(client, program.origin, GOOD))
  for (let i = 0; i < turns; i++) await turn()
  const successor = await (stopping ?? stop())
  const cells = await Promise.all(started.map(one => cellOf(one, amsu)))
  await successor.close()
  const fault = (cell: Cell): string | undefined => {
    const { outcome: { status, code }, arrivals: { whole } } = cell
    const isElsewhere = code === undefined && whole === 0
    if (status === 200 && (isElsewhere || whole === 1)) return undefined
    if (status === 0) return whole === 0 ? undefined : 'AMSU has it, and nobody was told'
    return faultOf(cell, { status: 503, code: 'DRAINING', whole: [0] })
  }
  report(cells, started.map(({ id }) => id), fault, successor, isVerbose)
}

/** Returns what is wrong with any cell; each POST may be at AMSU and at the successor once in all. */
function report (cells: readonly Cell[], ids: readonly string[], faultIn: (cell: Cell) => string | undefined, { got }: Successor, isVerbose: boolean): void {
  const faults = cells.flatMap((cell, at) => {
    const again = got.filter(id => id === ids[at]).length
    const words = `${cell.client.name}: ${wordsOf(cell)}; the next one on the port: ${again}`
    if (isVerbose) console.log(`          ${words}`)
    const fault = faultIn(cell) ?? (again + cell.arrivals.whole > 1 ? 'sent again' : undefined)
    return fault === undefined ? [] : [`${words} (${fault})`]
  })
  assert.ok(faults.length === 0, faults.join('\n'))
}

async function onStage (settings: Record<string, string>, use: (stage: Stage) => Promise<void>): Promise<void> {
  const amsu = await startAmsu()
  const program = await startProgram(amsu.origin, settings)
  const stop = async (): Promise<Successor> => {
    program.child.kill('SIGTERM')
    return await takePort(Number(new URL(program.origin).port))
  }
  try {
    await until(async () => (await call(program.origin, '/readyz')).text.includes('"ready":true'))
    await use({ amsu, program, stop })
  } finally {
    await endProgram(program)
    await amsu.leave()
  }
}

/** Listens on a port as soon as it is free, and sends 200 to everything. */
async function takePort (port: number): Promise<Successor> {
  const got: string[] = []
  const sockets = new Set<Socket>()
  const server = http.createServer((req, res) => {
    req.resume().on('end', () => {
      got.push(String(req.headers['x-id']))
      res.setHeader('content-type', 'application/json')
      res.end(BODY)
    })
  })
  server.on('connection', socket => { sockets.add(socket.once('close', () => { sockets.delete(socket) })) })
  await until(async () => await new Promise<boolean>(resolve => {
    server.once('error', () => { resolve(false) })
    server.listen(port, '127.0.0.1', () => { resolve(true) })
  }))
  return {
    got,
    async close () {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
