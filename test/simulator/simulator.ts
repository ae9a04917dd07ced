/**
 * A stand-in for AMSU's ECG-analysis API: every call with its exact path, tokens that expire, quotas that run out, responses computed from
 * the signal that was sent, and faults on demand. What the vendor does not document is guessed; comments mark the guesses.
 */
import Fastify from 'fastify'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { registerAdminCalls } from './admin-calls.ts'
import { registerAnalysisCalls } from './analysis-calls.ts'
import { methodsOf } from './calls.ts'
import type { CallName, Family } from './calls.ts'
import type { Faults } from './faults.ts'
import { createRecorder } from './record.ts'
import type { Recorder, SimulatorRecord } from './record.ts'
import { Refusal, refusals } from './refusal.ts'
import { registerTokenCalls } from './token-calls.ts'
import { createTokenRegister } from './tokens.ts'
import type { TokenRegister } from './tokens.ts'

/** The defaults of a simulator. The credentials are no secret: they work for a simulator only. */
export const simulatorDefaults: SimulatorOptions = {
  host: '127.0.0.1',
  port: 0,
  clientId: 'demo-app-key-0123456789',
  clientSecret: 'demo-app-secret-0123456789abcdef',
  tokenLifeSeconds: 86_400,
  refreshLifeSeconds: 30 * 86_400,
  quotas: { arrhythmia_analysis: 1000, hrv_analysis: -1, health_analysis: 100, calorie_analysis: 1000 },
  redirectSlashes: false,
  wall: () => Date.now(),
}

/** How a simulator is started. */
export interface SimulatorOptions {
  /** Address to listen on. @default '127.0.0.1' */
  host: string
  /** Port to listen on; 0 picks a free one. @default 0 */
  port: number
  /** The app_key that POST /token takes. */
  clientId: string
  /** The app_secret that POST /token takes. */
  clientSecret: string
  /** Life of an access token in seconds; `expires_in` has whole seconds. @default 86400 */
  tokenLifeSeconds: number
  /** Life of a refresh token in seconds. @default 2592000 (30 days) */
  refreshLifeSeconds: number
  /** Analyses left of each family; -1 is without end. @default 1000, hrv_analysis -1, health_analysis 100 */
  quotas: Partial<Record<Family, number>>
  /** Redirects a missing or superfluous slash with 307 and an absolute Location, as Starlette does, instead of 404. @default false */
  redirectSlashes: boolean
  /** Wall clock in milliseconds: decides whether a token has expired, and is the `Date` of each response. @default Date.now */
  wall: () => number
}

/** A running simulator. */
export interface Simulator {
  /** Such as `http://127.0.0.1:40123`. */
  readonly origin: string
  /** What goes wrong from now on; set and delete at will. */
  readonly faults: Faults
  /** What has arrived since the start. */
  readonly record: SimulatorRecord
  /** Pairs of tokens issued so far. */
  readonly issueCount: number
  /** Resolves as soon as `call` has been made `count` times since the start, so that tests need no sleep. @default count 1 */
  seen: (call: CallName, count?: number) => Promise<void>
  /** Makes one token worthless. */
  revoke: (token: string) => void
  /** Makes all tokens worthless, the refresh tokens too. */
  revokeAll: () => void
  /** Ends at once, whatever is in flight. */
  close: () => Promise<void>
}

/** What the parts of a simulator share. */
export interface Bench {
  options: SimulatorOptions
  quotas: Record<Family, number>
  faults: Faults
  tokens: TokenRegister
  recorder: Recorder
}

/** Starts a simulator and resolves when it listens. */
export async function startSimulator (options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const all = { ...simulatorDefaults, ...options }
  const bench: Bench = {
    options: all,
    quotas: { ...simulatorDefaults.quotas, ...all.quotas } as Record<Family, number>,
    faults: {},
    tokens: createTokenRegister(all.clientId, all.wall),
    recorder: createRecorder(),
  }
  const { faults, tokens, recorder } = bench
  const app = createApp(bench)
  const origin = await app.listen({ host: all.host, port: all.port })
  return {
    origin,
    faults,
    record: recorder.record,
    get issueCount () { return tokens.issueCount },
    seen: (call, count = 1) => recorder.seen(call, count),
    revoke: tokens.revoke,
    revokeAll: tokens.revokeAll,
    close: () => app.close(),
  }
}

function createApp (bench: Bench): FastifyInstance {
  // A HEAD route would respond where the real API has none, and a waiting close would never end with a request that hangs.
  const app = Fastify({ exposeHeadRoutes: false, forceCloseConnections: true })
  app.setErrorHandler(respondWithError)
  // Not the not-found handler: that one runs after the body was parsed, and would complain of the content type first.
  app.addHook('onRequest', async (request, reply) => {
    reply.header('date', new Date(bench.options.wall()).toUTCString())
    if (request.is404) return respondNotFound(request, reply, bench.options.redirectSlashes)
  })
  app.register(registerAdminCalls, { bench })
  app.register(registerTokenCalls, { bench })
  app.register(registerAnalysisCalls, { bench })
  return app
}

function respondNotFound (request: FastifyRequest, reply: FastifyReply, redirectSlashes: boolean): FastifyReply {
  const [path = '', query] = request.url.split('?', 2)
  const methods = methodsOf(path)
  if (methods.length > 0) return reply.header('allow', methods.join(', ')).code(405).send(refusals.wrongMethod().envelope())
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  if (redirectSlashes && methodsOf(other).length > 0) {
    return reply.redirect(`http://${request.host}${other}${query === undefined ? '' : `?${query}`}`, 307)
  }
  return reply.code(404).send(refusals.notFound().envelope())
}

/** Fastify's own errors of 400, 406 and 415 all mean a body that cannot be read. */
function respondWithError (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const refusal = error instanceof Refusal ? error : translate(error)
  reply.code(refusal.status).send(refusal.envelope())
}

function translate (error: FastifyError): Refusal {
  if (error.statusCode === 413) return refusals.tooLarge()
  return (error.statusCode ?? 500) < 500 ? refusals.badField(error.message) : refusals.failed(error.message)
}
