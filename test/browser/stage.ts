/**
 * What the browser is shown: the endpoints of the proxy over a state that the test writes, behind the guard that every endpoint has.
 */
import fastify from 'fastify'
import type { AddressInfo } from 'node:net'
import { endpointsPlugin } from '../../src/endpoints/plugin.ts'
import { createBrowserGuard } from '../../src/guards/browser-guard.ts'
import { guardPlugin } from '../../src/guards/plugin.ts'
import type { Outcome } from '../../src/relay/context.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import type { TokenStatus } from '../../src/token/token-status.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'

/** A token of forty minutes. */
export const GOOD: TokenStatus = {
  reason: 'ok', tokenExpiresInSeconds: 84_000, tokenLifeSeconds: 86_400, tokenRenewsInSeconds: 66_730, refreshTokenExpiresInSeconds: 30 * 86_400 - 2_400, isRenewing: false, failure: null, failureCode: null, failureStatus: null, areNewCredentialsRejected: false, consecutiveFailures: 0, nextAttemptInSeconds: null,
}

/** Without a token. */
const NONE: TokenStatus = { ...GOOD, reason: 'token_expired', tokenExpiresInSeconds: null, tokenLifeSeconds: null, tokenRenewsInSeconds: null, consecutiveFailures: 4, nextAttemptInSeconds: 23 }

/** What the page is to say, by what is the case: the state's name among the words, and the colour. */
export const SCENES: ReadonlyArray<{ readonly words: string, readonly level: string, readonly token: TokenStatus, readonly isDraining?: boolean }> = [
  { words: 'starting', level: 'busy', token: { ...NONE, reason: 'starting', refreshTokenExpiresInSeconds: null, isRenewing: true, consecutiveFailures: 0, nextAttemptInSeconds: null } },
  { words: 'serving', level: 'ok', token: GOOD },
  { words: 'renewing', level: 'busy', token: { ...GOOD, tokenExpiresInSeconds: 17_280, tokenRenewsInSeconds: 0, isRenewing: true } },
  { words: 'renewing_without', level: 'busy', token: { ...NONE, isRenewing: true, consecutiveFailures: 0, nextAttemptInSeconds: null } },
  { words: 'token_endpoint_down', level: 'warn', token: { ...GOOD, tokenExpiresInSeconds: 5_000, tokenRenewsInSeconds: 0, failure: 'transient', failureCode: 'ECONNREFUSED', consecutiveFailures: 3, nextAttemptInSeconds: 19 } },
  { words: 'token_endpoint_down_without', level: 'bad', token: { ...NONE, failure: 'transient', failureStatus: 502 } },
  { words: 'credentials_rejected', level: 'warn', token: { ...GOOD, tokenExpiresInSeconds: 5_000, tokenRenewsInSeconds: 0, failure: 'rejected', failureStatus: 401, consecutiveFailures: 3, nextAttemptInSeconds: 59 } },
  { words: 'credentials_rejected_without', level: 'bad', token: { ...NONE, reason: 'credentials_rejected', failure: 'rejected', failureStatus: 401 } },
  { words: 'draining', level: 'off', token: GOOD, isDraining: true },
]

export interface StageOptions {
  /** @default a free port */
  readonly port?: number
  /** Milliseconds since the Unix epoch at which the time stands still. @default it passes */
  readonly now?: number
  /** Whether there were requests in the last hour. @default true */
  readonly hasTraffic?: boolean
}

/** What {@link setStage} starts. */
export type Stage = Awaited<ReturnType<typeof setStage>>

/** Starts the endpoints. `state` may be written at any time. */
export async function setStage ({ hasTraffic = true, now, port = 0 }: StageOptions = {}) {
  const start = now ?? Date.now()
  const state = { token: GOOD, isDraining: false, clockSkewSeconds: 1, caloriesLeft: 640 }
  const clock = { now: start - 59 * 60_000 }
  const telemetry = new Telemetry({ wall: () => clock.now })
  fillHistory(telemetry, clock, hasTraffic)
  clock.now = start
  telemetry.onTokenCall('refresh_put', 'method_blocked')
  telemetry.onTokenCall('refresh_post', 'ok')
  const app = fastify({ forceCloseConnections: true })
  await app.register(guardPlugin, { guard: createBrowserGuard({ allowedHosts: [], allowedOrigins: [] }) })
  await app.register(endpointsPlugin, {
    telemetry,
    build: { version: '1.0.0', node: 'v24.11.0' },
    droppedLogLines: () => 0,
    tokenStatus: () => state.token,
    clockSkewSeconds: () => state.clockSkewSeconds,
    isDraining: () => state.isDraining,
    mask: text => text,
    inFlight: () => 3,
    quota: {
      isOn: true,
      isFailing: false,
      get reading () { return { readAt: start - 108_000, families: [{ family: 'arrhythmia_analysis', remaining: 8_120 }, { family: 'hrv_analysis', remaining: -1 }, { family: 'health_analysis', remaining: 77 }, { family: 'calorie_analysis', remaining: state.caloriesLeft }] } },
    },
    settings: [
      { name: 'AMSU_CLIENT_ID_FILE', value: '/run/secrets/amsu_client_id', isDefault: false }, { name: 'AMSU_CLIENT_SECRET_FILE', value: '/run/secrets/amsu_client_secret', isDefault: false },
      { name: 'AMSU_BASE_URL', value: 'http://api.amsu-new.com', isDefault: true }, { name: 'CALLERS', value: '[redacted]', isDefault: false }, { name: 'PORT', value: '8080', isDefault: true },
    ],
    listenerAddress: () => ({ isTls: false, socketPath: undefined, port: 8080, needsCaller: true }),
    now: () => now ?? Date.now(),
  })
  await app.listen({ host: '127.0.0.1', port })
  return { state, observer: telemetry, origin: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, close: async () => { await app.close() } }
}

/** An hour of a clinic: more and less traffic, a few errors, and a path that somebody made up. */
function fillHistory (observer: Telemetry, clock: { now: number }, hasTraffic: boolean): void {
  const calls: ReadonlyArray<Partial<Outcome>> = [
    { path: '/amsu-analysis/v2/arrhythmia/common/results/', caller: 'holter-station', durationMs: 48_213, status: 200 },
    { path: '/amsu-analysis/v2/hrv/rr-list/', caller: 'ward-3', durationMs: 1_840, status: 200 },
    { path: '/amsu-analysis/v2/calorie/running/results/', caller: 'fitness-app', durationMs: 96, status: 200 },
    { path: '/amsu-analysis/v2/available-times', method: 'GET', caller: 'ward-3', durationMs: 41, status: 200 },
    { path: '/amsu-analysis/v2/hrv/state/results/', caller: 'ward-3', durationMs: 2_310, status: 422 },
    { path: '/amsu-analysis/v2/<img src=x onerror=alert(1)>', caller: 'fitness-app', durationMs: 12, status: 404 },
    { path: '/amsu-analysis/v2/arrhythmia/af/results/', caller: 'holter-station', durationMs: 60_002, status: 504, errorCode: 'UPSTREAM_TIMEOUT' },
  ]
  observer.onTokenCall('credentials', 'ok')
  for (let minute = 0; minute < 60; minute++) {
    const count = !hasTraffic ? 0 : Math.round(9 + 7 * Math.sin(minute / 7) + 4 * Math.sin(minute / 2.3))
    for (let i = 0; i < count; i++) {
      const which = (minute * 7 + i * 3) % 61
      observer.onOutcome(outcomeOf({ ...calls[which > 6 ? which % 4 : which], requestId: `${(minute * 7919 + i * 104_729).toString(16).padStart(8, '0')}-5c1e-4f7a-9b2d-${(minute * 65_537 + i).toString(16).padStart(12, '0')}` }))
    }
    clock.now += 60_000
  }
}
