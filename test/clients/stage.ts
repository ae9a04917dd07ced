/** What the apps talk to: AMSU's stand-in alone, or the built proxy in front of it, recorded on both sides. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { layWire } from '../demo/wire.ts'
import { simulatorDefaults, startSimulator } from '../simulator/simulator.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { call } from '../support/client.ts'
import { endProgram, startProgram } from '../support/program.ts'

/** Milliseconds in which the proxy must have its token. */
const readyTimeoutMs = 10_000
/** Milliseconds between two looks whether it has. */
const readyCheckMs = 20

/** Where apps are pointed at. */
export interface Stage {
  readonly baseUrl: string
  readonly simulator: Simulator
}

/** A stage with the proxy on it. */
export interface ProxyStage extends Stage {
  /** AMSU's credentials and real tokens by value, each with its name; complete, as no token is issued after the start. */
  readonly secrets: ReadonlyMap<string, string>
  /** Names of those that went by between the apps and the proxy, in either direction. */
  readonly leaked: () => string[]
  /** All that the proxy has written. */
  readonly log: () => string
}

/** Records what must be cleaned up at the end, in any case. */
export type Undo = (end: () => Promise<void>) => void

/** Starts AMSU's stand-in. Both stages redirect a superfluous slash to an absolute address, as AMSU might. */
export async function setBareStage (undo: Undo): Promise<Stage> {
  const simulator = await startSimulator({ redirectSlashes: true })
  undo(() => simulator.close())
  return { baseUrl: simulator.origin, simulator }
}

/** Starts AMSU's stand-in and the proxy, and waits until that has its token. */
export async function setProxyStage (settings: Record<string, string>, undo: Undo): Promise<ProxyStage> {
  const { simulator } = await setBareStage(undo)
  const { clientId, clientSecret } = simulatorDefaults
  const far = await layWire(simulator.origin, { 'client id': clientId, 'client secret': clientSecret })
  undo(() => far.close())
  const program = await startProgram(far.origin, { AMSU_CLIENT_ID: clientId, AMSU_CLIENT_SECRET: clientSecret, QUOTA_POLL_SECONDS: '0', ...settings })
  undo(() => endProgram(program))
  await untilReady(program.origin)
  const secrets = new Map(far.secrets)
  assert.deepEqual([...far.heard].map(secret => secrets.get(secret)).sort(), ['access token 1', 'client id', 'client secret', 'refresh token 1'],
    'the ear hears every secret where each must go by')

  const near = await layWire(program.origin, Object.fromEntries([...secrets].map(([value, name]) => [`AMSU's ${name}`, value])))
  undo(() => near.close())
  return {
    baseUrl: near.origin,
    simulator,
    secrets,
    leaked: () => [...near.heard].flatMap(secret => secrets.get(secret) ?? []),
    log: program.output,
  }
}

async function untilReady (origin: string): Promise<void> {
  for (const deadline = Date.now() + readyTimeoutMs; (await call(origin, '/readyz')).status !== 200;) {
    assert.ok(Date.now() < deadline, 'the proxy is ready in time')
    await setTimeout(readyCheckMs)
  }
}
