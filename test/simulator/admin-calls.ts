/** The calls that steer a simulator which runs in another process. They are no part of the AMSU API. */
import type { FastifyInstance } from 'fastify'
import { mergeFaults, resetFaults } from './faults.ts'
import type { Bench } from './simulator.ts'

/** Adds POST and DELETE /simulator/faults, POST /simulator/revoke and GET /simulator/record. */
export async function registerAdminCalls (app: FastifyInstance, { bench }: { bench: Bench }): Promise<void> {
  const { faults, tokens, recorder } = bench
  app.post<{ Body: Record<string, unknown> }>('/simulator/faults', { schema: { body: { type: 'object' } } }, request => {
    mergeFaults(faults, request.body)
    return faults
  })
  app.delete('/simulator/faults', () => {
    resetFaults(faults)
    return faults
  })
  app.post('/simulator/revoke', () => {
    tokens.revokeAll()
    return {}
  })
  app.get('/simulator/record', () => ({ issueCount: tokens.issueCount, ...recorder.record }))
}
