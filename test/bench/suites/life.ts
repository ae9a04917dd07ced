/** What a proxy costs before it does anything: the time to start, and memory. */
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSecondsOf, memoryOf } from '../accounts.ts'
import { PING } from '../stage.ts'
import { press } from '../load.ts'
import type { Suite } from './suite.ts'

/** Between two tries to reach a program that starts. */
const EVERY_MS = 1
/** Time for a program to put things away. */
const SETTLE_MS = 3_000

/** From the spawn to the first relayed response. */
export const start: Suite = {
  title: 'Start',
  about: 'From the start of the process to the first relayed response, requested every millisecond; files are in the page cache. amsu-proxy has fetched a token by then.',
  columns: [{ figure: 'ms', title: 'ms', digits: 0 }, { figure: 'cpuMs', title: 'ms of CPU', digits: 0 }],
  run: async bench => {
    await bench.interleave(bench.targets, target => target, async (target, round) => {
      const began = performance.now()
      const running = await bench.stage.spawn(target)
      await bench.stage.firstResponse(running, EVERY_MS)
      const ms = performance.now() - began
      const cpuMs = cpuSecondsOf(running.group) * 1000
      await bench.stage.stop(running)
      bench.record(target, round, { ms, cpuMs })
    })
  },
}

/** Resident memory. */
export const idle: Suite = {
  title: 'Idle memory',
  about: 'Resident memory of all processes in MiB, three seconds after the first requests; then the same after a burst of load. Pages that processes share count for each.',
  columns: [{ figure: 'fresh', title: 'after start', digits: 1 }, { figure: 'used', title: 'after load', digits: 1 }],
  run: async bench => {
    await bench.interleave(bench.targets, target => target, async (target, round) => {
      const running = await bench.start(target)
      if (running === undefined) return
      await pause(SETTLE_MS)
      const fresh = memoryOf(running.group).nowMib
      await press(running, { connections: 64, seconds: bench.effort.seconds, path: PING })
      await pause(SETTLE_MS)
      const used = memoryOf(running.group).nowMib
      await bench.stage.stop(running)
      bench.record(target, round, { fresh, used })
    })
  },
}
