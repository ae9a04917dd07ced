/** The three calls that hand out tokens. */
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { methodAndPath, tokenCalls } from './calls.ts'
import type { TokenCall } from './calls.ts'
import { spoilTokenCall } from './faults.ts'
import { refusals } from './refusal.ts'
import type { Bench } from './simulator.ts'
import type { TokenResponse } from './tokens.ts'

type Form = Record<string, unknown> | undefined

/** Adds POST /token, PUT /token and POST /token/refreshment. */
export async function registerTokenCalls (app: FastifyInstance, { bench }: { bench: Bench }): Promise<void> {
  // Forms only: a client that sends JSON here must notice.
  app.removeAllContentTypeParsers()
  await app.register(formbody)
  for (const call of tokenCalls) {
    app.route<{ Body: Form }>({
      ...methodAndPath(call),
      onRequest: async (_request, reply) => {
        bench.recorder.noteCall(call)
        if (call === 'PUT /token' && bench.faults.rejectPut) throw refusals.wrongMethod()
        await spoilTokenCall(bench.faults, reply)
      },
      handler: request => respondWithToken(call, request.body, bench),
    })
  }
}

async function respondWithToken (call: TokenCall, form: Form, { options, faults, tokens }: Bench): Promise<TokenResponse> {
  if (call === 'POST /token') {
    const [id, secret] = [read(form, 'client_id'), read(form, 'client_secret')]
    if (faults.rejectCredentials || id !== options.clientId || secret !== options.clientSecret) throw refusals.wrongCredentials()
  } else if (tokens.check('refresh', read(form, 'refresh_token')) !== 'valid') {
    throw refusals.badToken()
  }
  // The vendor does not say whether a new pair ends the old one. Claims without an id suggest that it cannot, so both live on.
  return tokens.issue({ accessSeconds: faults.tokenLifeSeconds ?? options.tokenLifeSeconds, refreshSeconds: options.refreshLifeSeconds })
}

function read (form: Form, name: string): string {
  const value = form?.[name]
  if (typeof value !== 'string' || value === '') throw refusals.badField(`${name} is required`)
  return value
}
