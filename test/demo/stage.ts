/** Everything the demo runs: AMSU's stand-in, the wire to it, the proxy, and a folder for a while. */
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulatorDefaults, startSimulator } from '../simulator/simulator.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { synthesizeEcg } from '../simulator/synthetic-ecg.ts'
import { startProxy } from './proxy-process.ts'
import type { ProxyProcess } from './proxy-process.ts'
import { layWire } from './wire.ts'
import type { Wire } from './wire.ts'

/** Seconds that the first access token lives: it must be renewed, and die, while somebody watches. */
export const firstTokenLifeSeconds = 6

/** Where the demo takes place. */
export interface Stage {
  simulator: Simulator
  wire: Wire
  proxy: ProxyProcess
  /** The ECG that is sent. */
  recordingPath: string
}

/** Records what must be cleaned up at the end, in any case. */
export type Undo = (end: () => Promise<void>) => void

/** Starts everything; what was started is noted even if the rest fails. */
export async function setStage (givenPath: string | undefined, undo: Undo, signal: AbortSignal): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'amsu-proxy-demo-'))
  undo(() => rm(folder, { recursive: true, force: true }))
  const recordingPath = givenPath ?? join(folder, 'synthetic-30-minutes.ecg')
  if (givenPath === undefined) writeFileSync(recordingPath, synthesizeEcg({ minutes: 30 }))

  const simulator = await startSimulator({ tokenLifeSeconds: firstTokenLifeSeconds })
  undo(() => simulator.close())
  const { clientId, clientSecret } = simulatorDefaults
  const wire = await layWire(simulator.origin, { 'client id': clientId, 'client secret': clientSecret })
  undo(() => wire.close())
  const environment = { AMSU_CLIENT_ID: clientId, AMSU_CLIENT_SECRET: clientSecret, AMSU_BASE_URL: wire.origin, PORT: '0', QUOTA_POLL_SECONDS: '0', LOG_LEVEL: 'info' }
  const proxy = await startProxy(environment, folder, signal)
  undo(() => proxy.stop())
  return { simulator, wire, proxy, recordingPath }
}
