/** The calls that need an access token: the quotas and the eight analyses. */
import multipart from '@fastify/multipart'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ecgAnalyses, numberAnalyses, unnumberedCalls } from './analyses.ts'
import type { EcgAnalysis, NumberAnalysis } from './analyses.ts'
import { analysisFamilies, methodAndPath, quotaCall } from './calls.ts'
import type { AnalysisCall, Family } from './calls.ts'
import { cutBody, linger, spoilAnalysisCall } from './faults.ts'
import type { Faults } from './faults.ts'
import type { BodySchema, Condition, Person } from './fields.ts'
import { rrIntervalsMs } from './heart-rate.ts'
import { findRPeaksInTurns } from './r-peaks.ts'
import { refusals } from './refusal.ts'
import type { Bench } from './simulator.ts'
import { mostFileBytes, readUpload, samplesOf } from './upload.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The faults as they were when the request arrived. */
    faults: Faults
  }
}

/** What AMSU's files come to: 100 MB are about 55 h. */
const sampleRateHz = 250
/** Number before that of the first response. */
const idBefore = 50_000
/** Times between beats below which a recording has no rhythm to speak of. */
const leastIntervals = 2

/** Adds GET /available-times and the analyses. */
export async function registerAnalysisCalls (app: FastifyInstance, { bench }: { bench: Bench }): Promise<void> {
  const { quotas } = bench
  let lastId = idBefore
  app.decorateRequest('faults')
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.faults.cut === undefined || typeof payload !== 'string') return payload
    reply.header('content-length', Buffer.byteLength(payload))
    return Readable.from(cutBody(payload, request.faults.cut, reply))
  })

  /** Charges a success, waits as the faults say, and numbers the response. */
  async function finish (call: AnalysisCall, { faults }: FastifyRequest, response: object): Promise<object> {
    const family = analysisFamilies[call]
    demandQuota(bench, family)
    if (quotas[family] > 0) quotas[family]--
    const id = unnumberedCalls.includes(call) ? {} : { id: ++lastId }
    await linger(faults)
    return { ...id, ...response }
  }

  app.route({
    ...methodAndPath(quotaCall),
    onRequest: async (request, reply) => admit(bench, quotaCall, request, reply),
    handler: async request => {
      await linger(request.faults)
      return quotas
    },
  })
  await app.register(async scope => { registerEcgCalls(scope, bench, finish) })
  await app.register(async scope => { registerNumberCalls(scope, bench, finish) })
}

type Finish = (call: AnalysisCall, request: FastifyRequest, response: object) => Promise<object>

function registerEcgCalls (app: FastifyInstance, bench: Bench, finish: Finish): void {
  app.removeAllContentTypeParsers()
  app.register(multipart, { limits: { fileSize: mostFileBytes } })
  for (const [call, analysis] of Object.entries(ecgAnalyses) as Array<[AnalysisCall, EcgAnalysis]>) {
    app.route({
      ...methodAndPath(call),
      onRequest: async (request, reply) => admit(bench, call, request, reply),
      handler: async request => {
        // Without a body and its content type, Fastify gets here without anybody having looked at either.
        if (!request.isMultipart()) throw refusals.badField('multipart/form-data is required')
        const { fields, file } = await readUpload(request, bench.recorder.record.uploads)
        if (file === undefined) throw refusals.badField('ecg_file is required')
        const samples = samplesOf(file, fields['model'])
        checkFields(request, fields, analysis.schema)
        const rrMs = rrIntervalsMs(await findRPeaksInTurns(samples, sampleRateHz), sampleRateHz)
        if (rrMs.length < leastIntervals) throw refusals.noBeats()
        return finish(call, request, analysis.respond(rrMs, fields as unknown as Person & Condition))
      },
    })
  }
}

function registerNumberCalls (app: FastifyInstance, bench: Bench, finish: Finish): void {
  for (const [call, analysis] of Object.entries(numberAnalyses) as Array<[AnalysisCall, NumberAnalysis]>) {
    app.route<{ Body: Parameters<NumberAnalysis['respond']>[0] }>({
      ...methodAndPath(call),
      schema: { body: analysis.schema },
      onRequest: async (request, reply) => admit(bench, call, request, reply),
      handler: async request => finish(call, request, analysis.respond(request.body)),
    })
  }
}

/** Decides on the head of a request, before any of its body is read, whether it goes on; returns the reply if it has already started. */
function admit (bench: Bench, call: typeof quotaCall | AnalysisCall, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const { tokens, recorder, faults, options } = bench
  const header = request.headers.authorization
  const state = tokens.check('access', /^Bearer (\S+)$/.exec(header ?? '')?.[1])
  recorder.noteAuthorization({ call, at: options.wall(), header, state }, request.headers)
  request.faults = { ...faults }
  recorder.noteCall(call)
  if (spoilAnalysisCall(faults, reply)) return reply
  if (state !== 'valid') throw refusals.badToken()
  if (call !== quotaCall) demandQuota(bench, analysisFamilies[call])
  return undefined
}

function demandQuota ({ quotas }: Bench, family: Family): void {
  if (quotas[family] === 0) throw refusals.quotaUsedUp(family)
}

/** Checks the fields of a form, and turns their texts into numbers in place. */
function checkFields (request: FastifyRequest, fields: Record<string, unknown>, schema: BodySchema): void {
  const validate = request.compileValidationSchema(schema, 'body')
  if (validate(fields)) return
  const [first] = validate.errors ?? []
  throw refusals.badField(`body${first?.instancePath ?? ''} ${first?.message ?? ''}`)
}
