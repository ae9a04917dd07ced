/** The kinds of connections in a storm, and how often each comes. */
import { leavingKinds } from './connections-leaving.ts'
import { oddKinds } from './connections-odd.ts'
import { usualKinds } from './connections-usual.ts'
import type { Plan } from './plan.ts'

/** A kind of connection. */
export interface ConnectionKind {
  readonly name: string
  readonly weight: number
  /** Adds requests and steps. */
  readonly make: (plan: Plan) => void
}

/** All of them. */
export const connectionKinds: readonly ConnectionKind[] = [...usualKinds, ...leavingKinds, ...oddKinds]
