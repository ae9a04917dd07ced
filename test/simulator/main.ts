/** Runs a simulator by itself: `npm run simulator`. */
import { simulatorDefaults, startSimulator } from './simulator.ts'

const env = process.env
const clientId = env['SIMULATOR_CLIENT_ID'] ?? simulatorDefaults.clientId
const clientSecret = env['SIMULATOR_CLIENT_SECRET'] ?? simulatorDefaults.clientSecret

/** How far the simulator's clock is ahead of this machine's; negative: behind. */
const clockMs = Number(env['SIMULATOR_CLOCK_SECONDS'] ?? 0) * 1000

const simulator = await startSimulator({
  host: env['SIMULATOR_HOST'] ?? '127.0.0.1',
  port: Number(env['SIMULATOR_PORT'] ?? 9090),
  tokenLifeSeconds: Number(env['SIMULATOR_TOKEN_LIFE_SECONDS'] ?? simulatorDefaults.tokenLifeSeconds),
  clientId,
  clientSecret,
  quotas: { health_analysis: Number(env['SIMULATOR_HEALTH_LEFT'] ?? simulatorDefaults.quotas.health_analysis) },
  wall: () => Date.now() + clockMs,
})
console.log(`AMSU simulator listens on ${simulator.origin} for client_id ${clientId} and client_secret ${clientSecret}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { simulator.close().catch(console.error) })
