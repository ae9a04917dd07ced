import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { call } from '../support/client.ts'
import type { Ending, Sent } from './caller.ts'
import { isDoubleSend, checkOutcome } from './outcome-oracle.ts'
import type { Evidence } from './outcome-oracle.ts'
import { slope } from './report.ts'
import { FaultRecord } from './fault-schedule.ts'
import type { Arrival } from './tcp-fault-proxy.ts'

const mainPath = fileURLToPath(new URL('main.ts', import.meta.url))

function start (...args: string[]) {
  // Without what the test runner puts into every child: its loader would be half of the proxy's memory.
  return spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', process.execPath, '--import', 'tsx', mainPath, ...args], { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function run (...args: string[]) {
  const child = start(...args)
  const [output, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  return { output, complaint, code }
}

/** A request that took from 10 s to 11 s, without any fault. */
function evidence (ending: Partial<Ending>, arrivals: Arrival[] = [], bodyBytes = 0): Evidence {
  const sent = { id: 'a', load: { bodyBytes }, manner: {}, from: 10_000, to: 11_000, ending } as unknown as Sent
  const books = { arrivals: new Map(), arrivalCount: 0, issues: [5_000], refusals: [], breaks: [], connections: 0, unused: 0 }
  return { sent, arrivals, books, faults: new FaultRecord(), settings: { tokenLifeMs: 60_000, responseTimeoutMs: 6_000, replayBodyBytes: 1_000 } }
}

function response (status: number, more: object = {}): Partial<Ending> {
  return { kind: 'response', status, proxyError: undefined, amsuError: undefined, isRight: status === 200, isOwn: true, ...more }
}

const arrived: Arrival = { method: 'POST', at: 10_100 }
const revoked: Arrival = { ...arrived, status: 401 }

await test('only a right response of its own is explained by itself', t => {
  t.equal(checkOutcome(evidence(response(200))).isExplained, true)
  t.equal(checkOutcome(evidence(response(200, { isRight: false }))).isExplained, false)
  t.equal(checkOutcome(evidence(response(200, { isOwn: false }))).isExplained, false)
  for (const kind of ['lost', 'broken', 'cut'] as const) t.equal(checkOutcome(evidence({ kind })).isExplained, false, kind)
  t.end()
})

await test('without a fault no error is explained', t => {
  for (const [status, proxyError] of [[502, 'UPSTREAM_RESET'], [502, 'UPSTREAM_UNREACHABLE'], [502, 'UPSTREAM_INVALID'], [504, 'UPSTREAM_TIMEOUT'], [503, 'TOKEN_UNAVAILABLE'], [503, 'CREDENTIALS_REJECTED'], [500, 'INTERNAL']] as const) {
    t.equal(checkOutcome(evidence(response(status, { proxyError }), [arrived])).isExplained, false, proxyError)
  }
  for (const status of [401, 500, 503]) t.equal(checkOutcome(evidence(response(status), [{ ...arrived, status }])).isExplained, false, String(status))
  t.end()
})

await test('a broken connection explains a reset, but not another status', t => {
  const broken = [{ ...arrived, brokenAt: 10_500 }]
  t.equal(checkOutcome(evidence(response(502, { proxyError: 'UPSTREAM_RESET' }), broken)).isExplained, true)
  t.equal(checkOutcome(evidence(response(503, { proxyError: 'UPSTREAM_RESET' }), broken)).isExplained, false)
  t.equal(checkOutcome(evidence({ kind: 'cut', status: 200 }, broken)).isExplained, true)
  t.end()
})

await test('a failed token call explains that there is no token, once the last one has expired', t => {
  const unavailable = evidence(response(503, { proxyError: 'TOKEN_UNAVAILABLE' }))
  unavailable.faults.begin('token outage')
  t.equal(checkOutcome(unavailable).isExplained, false)
  unavailable.faults.revocations.push(9_000)
  t.equal(checkOutcome(unavailable).isExplained, true)
  t.end()
})

await test('a revocation explains a 401 to a large body, but not to a small one', t => {
  const refused = { ...response(401, { amsuError: 'COMMON.INVALID_CREDENTIALS' }) }
  const [large, small] = [evidence(refused, [revoked], 2_000), evidence(refused, [revoked], 10)]
  for (const { faults } of [large, small]) faults.revocations.push(10_000)
  t.equal(checkOutcome(large).isExplained, true)
  t.equal(checkOutcome(small).isExplained, false)
  t.end()
})

await test('a double send is a second one that was not rejected before', t => {
  const get: Arrival = { ...arrived, method: 'GET' }
  t.equal(isDoubleSend([arrived]), false)
  t.equal(isDoubleSend([revoked, arrived]), false)
  t.equal(isDoubleSend([arrived, arrived]), true)
  t.equal(isDoubleSend([revoked, revoked, revoked]), true)
  t.equal(isDoubleSend([get, get]), false)
  t.equal(isDoubleSend([get, get, get]), true)
  t.end()
})

await test('the slope of a line is found', t => {
  t.equal(slope([{ x: 0, y: 1 }, { x: 1, y: 3 }, { x: 2, y: 5 }]), 2)
  t.equal(slope([{ x: 1, y: 1 }]), 0)
  t.end()
})

await test('what cannot be followed ends with 2', async t => {
  for (const args of [['--twice'], ['--minutes', 'many'], ['--minutes', '0'], ['--seed', '1.5']]) {
    t.match(await run(...args), { code: 2, output: '', complaint: 'soak: ' }, args.join(' '))
  }
})

await test('a soak of seconds passes', async t => {
  const { output, complaint, code } = await run('--minutes', '0.1', '--seed', '7')
  t.equal(code, 0, complaint + output)
  t.match(output, /requests +\d+\nunexplained +0\ndouble sends +0\nlost +0\n/)
})

await test('Ctrl-C ends the soak and takes the proxy along', async t => {
  const child = start('--minutes', '5')
  let proxy = ''
  createInterface(child.stdout).on('line', line => {
    proxy ||= /^the proxy listens on (\S+)/.exec(line)?.[1] ?? ''
    if (proxy !== '') child.kill('SIGINT')
  })
  t.match(await once(child, 'close'), [130, null])
  await t.rejects(call(proxy, '/livez'), { code: 'ECONNREFUSED' })
})
