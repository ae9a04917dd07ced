/**
 * Proves that however a POST fails, every client gets an error response, and none sends it again by itself: rows are the ways to fail,
 * columns are clients that people use, and a stand-in for AMSU counts what arrives. Run by run.sh.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from '../../support/check.ts'
import { call } from '../../support/client.ts'
import { endProgram, startProgram, type Program } from '../../support/program.ts'
import { until } from '../../support/until.ts'
import { startAmsu, type Amsu } from './amsu.ts'
import { startClients, type Client } from './clients.ts'
import { callCount, cellOf, faultOf, startCall, wordsOf } from './matrix.ts'
import { groups, type Group, type Row } from './rows.ts'
import { runStopping } from './stopping.ts'

/** Prints what each client saw in every row, not only in those that are wrong. */
const isVerbose = process.argv.includes('--verbose')

async function runGroup (group: Group, clients: readonly Client[]): Promise<void> {
  const amsu = await startAmsu()
  if (group.amsu === 'holds tokens' || group.amsu === 'releases tokens') amsu.setTokenMode('hold')
  if (group.amsu === 'rejects credentials') amsu.setTokenMode('reject')
  const program = await startProgram(amsu.origin, group.settings)
  try {
    await prepare(group, amsu, program)
    for (const row of group.rows) await runRow(group, row, clients.filter(({ modes }) => modes.includes(row.mode)), amsu, program)
  } finally {
    await endProgram(program)
    await amsu.leave()
  }
}

/** Waits for the token if there can be one, then lets AMSU fail. */
async function prepare (group: Group, amsu: Amsu, { origin }: Program): Promise<void> {
  if (['holds tokens', 'releases tokens'].includes(group.amsu ?? '')) return
  const readiness = group.amsu === 'rejects credentials' ? /credentials_rejected/ : /"ready":true/
  await until(async () => readiness.test((await call(origin, '/readyz')).text))
  if (group.amsu === 'refuses') await amsu.leave()
  if (group.amsu === 'closes') amsu.acceptance = 'close'
  if (group.amsu === 'resets') amsu.acceptance = 'reset'
  if (group.isFull === true) {
    const headers = { 'x-id': 'the one', 'x-way': 'silence' }
    call(origin, '/amsu-analysis/v2/calorie/running/results/', { method: 'POST', headers, body: '{}' }).catch(() => {})
    await amsu.arrived(['the one'])
  }
}

async function runRow (group: Group, row: Row, clients: readonly Client[], amsu: Amsu, { origin }: Program): Promise<void> {
  await check(`${group.title}: ${row.title}`, async () => {
    amsu.expect(group.isTogether === true ? clients.length : 0)
    const started = clients.map(client => startCall(client, origin, row))
    if (group.amsu === 'releases tokens') {
      await until(async () => (await call(origin, '/metrics')).text.includes(`amsu_proxy_in_flight_requests ${clients.length}\n`))
      amsu.setTokenMode('issue')
    }
    const cells = await Promise.all(started.map(one => cellOf(one, amsu)))
    if (isVerbose) for (const cell of cells) console.log(`          ${cell.client.name}: ${wordsOf(cell)}`)
    const faults = cells.flatMap(cell => {
      const fault = faultOf(cell, row.expected)
      return fault === undefined ? [] : [`${cell.client.name}: ${wordsOf(cell)} (${fault})`]
    })
    assert.ok(faults.length === 0, faults.join('\n'))
  })
}

const [classpath] = process.argv.slice(2)
if (classpath === undefined) throw new Error('usage: faults.suite.ts CLASSPATH [--verbose]; run.sh knows what')
const home = await mkdtemp(join(tmpdir(), 'amsu-proxy-faults-'))
const bodies = new Map<number, Promise<string>>()
const clients = startClients(classpath, bytes => {
  const file = join(home, String(bytes))
  const known = bodies.get(bytes) ?? writeFile(file, 'a'.repeat(bytes)).then(() => file)
  bodies.set(bytes, known)
  return known
})
try {
  for (const group of groups) await runGroup(group, clients)
  await runStopping(clients, isVerbose)
  console.log(`${callCount()} POSTs of ${clients.length} clients`)
} finally {
  for (const client of clients) await client.close()
  await rm(home, { recursive: true, force: true })
}
