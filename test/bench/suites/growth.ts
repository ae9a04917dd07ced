/** What grows: memory over many requests, and memory over many that wait. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { memoryOf } from '../accounts.ts'
import type { Bench } from '../bench.ts'
import { press, wait } from '../load.ts'
import { PING, type Running } from '../stage.ts'
import { part, WORKSHOP } from '../tools.ts'
import type { Target } from '../target.ts'
import type { Suite } from './suite.ts'

const HEAP_FILE = `${WORKSHOP}/heap`
const WAITING = 1_000
/** The upstream never responds here. */
const HOLD = '/amsu-analysis/v2/hold'
/** Time until everybody waits, also those who queue in the proxy. */
const GATHER_MS = 4_000
const HEAP_TIMEOUT_MS = 10_000

/** A million requests. */
export const leak: Suite = {
  title: 'A million requests',
  about: 'Growth over a million small GETs at 64 connections, after a tenth of that to warm up: bytes in use after a garbage collection, and resident memory. KiB in all.',
  columns: [{ figure: 'heap', title: 'in use', digits: 0 }, { figure: 'resident', title: 'resident', digits: 0 }, { figure: 'thousands', title: 'thousands of requests', digits: 0 }],
  isOursAlone: true,
  run: async bench => {
    await bench.interleave(bench.targets.filter(({ runsOnNode }) => runsOnNode === true), target => target, async (target, round) => {
      const running = await startProbed(bench, target)
      if (running === undefined) return
      await sendMany(bench, running, bench.effort.requests / 10)
      const before = { heap: await heapOf(running), resident: memoryOf(running.group).nowMib }
      const sent = await sendMany(bench, running, bench.effort.requests)
      const after = { heap: await heapOf(running), resident: memoryOf(running.group).nowMib }
      await bench.stage.stop(running)
      bench.record(target, round, { heap: (after.heap - before.heap) / 1024, resident: (after.resident - before.resident) * 1024, thousands: sent / 1000 })
    })
  },
}

/** A thousand requests that wait for their responses. */
export const waiting: Suite = {
  title: 'A thousand waiting requests',
  about: 'Memory for each of 1,000 GETs that wait for an upstream that does not respond, with their connections on either side: resident, and, of programs on Node.js, in use after a garbage collection. KiB for each.',
  columns: [{ figure: 'resident', title: 'resident', digits: 1 }, { figure: 'heap', title: 'in use', digits: 1 }],
  run: async bench => {
    await bench.interleave(bench.targets, target => target, async (target, round) => {
      const running = await startProbed(bench, target)
      if (running === undefined) return
      const hasHeap = target.runsOnNode === true
      const heapBefore = hasHeap ? await heapOf(running) : 0
      // What the collection has freed goes back to the system a little later.
      await pause(GATHER_MS)
      const residentBefore = memoryOf(running.group).nowMib
      const end = wait(running, WAITING, HOLD)
      await pause(GATHER_MS)
      const resident = memoryOf(running.group).nowMib
      const heap = hasHeap ? await heapOf(running) : 0
      const { held } = await bench.stage.counters()
      await end()
      await bench.stage.stop(running)
      if (held === 0) throw new Error('no request waits at the upstream')
      bench.record(target, round, { resident: (resident - residentBefore) * 1024 / WAITING, ...hasHeap ? { heap: (heap - heapBefore) / 1024 / WAITING } : {} })
    })
  },
}

async function startProbed (bench: Bench, target: Target): Promise<Running | undefined> {
  return await bench.start(target, target.runsOnNode === true ? { nodeOptions: ['--expose-gc', '--import', part('peers/heap-probe.mjs')], variables: { HEAP_FILE } } : {})
}

/** Sends at least so many requests; resolves to how many it was. */
async function sendMany (bench: Bench, running: Running, least: number): Promise<number> {
  let sent = 0
  while (sent < least) {
    const { errors, requests } = await press(running, { connections: 64, seconds: bench.effort.seconds, path: PING })
    if (errors > 0) throw new Error(`${errors} requests failed`)
    sent += requests
  }
  return sent
}

/** Bytes in use after a garbage collection. */
async function heapOf ({ group }: Running): Promise<number> {
  rmSync(HEAP_FILE, { force: true })
  // taskset has become the program: the group's first process is Node.js itself.
  process.kill(group, 'SIGUSR2')
  const latest = performance.now() + HEAP_TIMEOUT_MS
  while (!existsSync(HEAP_FILE)) {
    if (performance.now() > latest) throw new Error('no response of the heap probe')
    await pause(20)
  }
  return Number(readFileSync(HEAP_FILE, 'utf8'))
}
