/** Connections whose client disconnects, at any moment. */
import { connectRequest } from './connections-odd.ts'
import type { ConnectionKind } from './connection-kinds.ts'
import { mixedRequests } from './connections-usual.ts'
import { relayedRequest } from './plan-request.ts'
import type { Plan } from './plan.ts'

function leave (plan: Plan): void {
  plan.then({ do: 'leave', how: plan.random.pick(['reset', 'close']) })
}

function inHead (plan: Plan): void {
  const request = relayedRequest(plan.random, plan.nextId())
  const place = plan.add({ ...request, kind: 'broken' })
  plan.then({ do: 'send', bytes: request.head.slice(0, Math.floor(plan.random.between(0, request.head.length - 1))), begins: [place] }, { do: 'wait', ms: Math.floor(plan.random.between(0, 50)) })
  leave(plan)
}

function inBody (plan: Plan): void {
  const { random } = plan
  const place = plan.add(relayedRequest(random, plan.nextId(), { method: 'POST' }))
  const { body, head } = plan.requests[place]!
  plan.then({ do: 'send', bytes: head, begins: [place] })
  if (body !== undefined) plan.then({ do: 'sendBody', request: place, from: 0, to: Math.floor(random.between(0, body.bytes)), pieceBytes: 65_536, pauseMs: 0 })
  if (random.chance(0.5)) plan.then({ do: 'wait', ms: Math.floor(random.between(0, 300)) })
  leave(plan)
}

function afterRequests (plan: Plan): void {
  const { random } = plan
  plan.sendTogether(mixedRequests(plan, random.chance(0.4) ? 1 : Math.floor(random.between(2, 9))))
  if (random.chance(0.7)) plan.then({ do: 'wait', ms: Math.floor(random.between(0, 150)) })
  leave(plan)
}

function whileResponding (plan: Plan): void {
  const { random } = plan
  plan.sendTogether(mixedRequests(plan, random.chance(0.6) ? 1 : Math.floor(random.between(2, 6))))
  plan.then({ do: 'awaitBytes', bytes: Math.floor(random.between(1, 4_000)), ms: 1_000 })
  leave(plan)
}

function halfClosed (plan: Plan): void {
  plan.sendTogether(mixedRequests(plan, plan.random.pick([1, 1, 3])))
  plan.then({ do: 'end' })
}

function connecting (plan: Plan): void {
  const { random } = plan
  plan.then({ do: 'send', bytes: connectRequest(plan), begins: [plan.requests.length - 1] })
  if (random.chance(0.6)) plan.then({ do: 'wait', ms: random.pick([0, 0, 1, 20]) })
  leave(plan)
}

/** Those kinds. */
export const leavingKinds: readonly ConnectionKind[] = [
  { name: 'leaves in the head', weight: 3, make: inHead },
  { name: 'leaves in the body', weight: 5, make: inBody },
  { name: 'leaves after its requests', weight: 8, make: afterRequests },
  { name: 'leaves while a response comes', weight: 5, make: whileResponding },
  { name: 'ends its side', weight: 3, make: halfClosed },
  { name: 'leaves after CONNECT', weight: 5, make: connecting },
]
