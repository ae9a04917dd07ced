/** Connections of clients that keep to the protocol and stay until they have what they asked for. */
import { chooseFault, plain } from './amsu-fault.ts'
import type { AmsuFault } from './amsu-fault.ts'
import type { ConnectionKind } from './connection-kinds.ts'
import { chooseBody, makeRequest, ownRequest, refusedRequest, relayedRequest } from './plan-request.ts'
import { renderBody } from './plan.ts'
import type { Plan } from './plan.ts'
import type { PlannedRequest } from './script.ts'

/** A request behind one after which nothing more is read. */
export function trap (plan: Plan): PlannedRequest {
  return makeRequest({ id: plan.nextId(), kind: 'trap', method: plan.random.pick(['GET', 'POST']), body: plan.random.chance(0.5) ? { bytes: 20, isChunked: false } : undefined })
}

/** Requests of mixed kinds, for one segment. Nothing behind the last one is taken. */
export function mixedRequests (plan: Plan, count: number): PlannedRequest[] {
  const { random, proxy } = plan
  const requests: PlannedRequest[] = []
  // Ids go by place in the script.
  const id = (): string => plan.nextId().replace(/\d+$/, place => String(Number(place) + requests.length))
  while (requests.length < count) {
    const request = random.chance(0.12) ? ownRequest(random, id()) : random.chance(0.06) ? refusedRequest(random, id(), proxy) : relayedRequest(random, id(), { most: random.chance(0.9) ? 2_000 : 200_000 })
    requests.push(request)
    if (request.kind !== 'refused' && !request.isLast) continue
    // Behind a refused one, or one that said it is the last.
    requests.push(makeRequest({ id: id(), kind: 'trap', method: 'POST', body: { bytes: 20, isChunked: false } }))
    break
  }
  return requests
}

function single (plan: Plan): void {
  const { random } = plan
  for (let count = random.pick([1, 1, 2, 4]); count > 0; count--) {
    const request = random.chance(0.08) ? ownRequest(random, plan.nextId()) : relayedRequest(random, plan.nextId())
    const isSlow = random.chance(0.15) && request.kind === 'relayed'
    const place = isSlow ? plan.sendSlowly(request) : plan.sendWhole(request)
    plan.then({ do: 'await', responses: place + 1 })
    if (request.isLast) break
    if (random.chance(0.3)) plan.then({ do: 'wait', ms: Math.floor(random.between(1, 700)) })
  }
}

function pipeline (plan: Plan): void {
  const requests = mixedRequests(plan, Math.floor(plan.random.between(2, 9)))
  const half = plan.random.chance(0.5) ? requests.length : Math.floor(requests.length / 2)
  plan.sendTogether(requests.slice(0, half))
  if (half === requests.length) return
  plan.then({ do: 'wait', ms: Math.floor(plan.random.between(0, 60)) })
  plan.sendTogether(requests.slice(half))
}

function expecting (plan: Plan): void {
  const { random } = plan
  const isRefused = random.chance(0.3)
  const request = isRefused ? refusedRequest(random, plan.nextId(), plan.proxy) : relayedRequest(random, plan.nextId(), { method: 'POST' })
  if (request.head.includes('Expect:')) {
    plan.sendWhole(request)
    return
  }
  const body = request.body ?? chooseBody(random, 100_000)
  const lines = ['Expect: 100-continue', ...request.body === undefined ? [`Content-Length: ${body.bytes}`] : []]
  const place = plan.add({ ...request, head: request.head.slice(0, -2) + lines.join('\r\n') + '\r\n\r\n', body: request.body ?? { ...body, isChunked: false } })
  plan.then({ do: 'send', bytes: plan.requests[place]!.head, begins: [place], completes: body.bytes === 0 && !body.isChunked ? [place] : [] })
  if (random.chance(0.8)) plan.then({ do: 'awaitContinue', ms: 900 })
  plan.then({ do: 'sendBody', request: place, from: 0, to: body.bytes, pieceBytes: 65_536, pauseMs: 0 })
}

function refused (plan: Plan): void {
  const { random } = plan
  const place = plan.sendWhole(refusedRequest(random, plan.nextId(), plan.proxy))
  const { body } = plan.requests[place]!
  // What follows in the same segment, as far as there is one.
  if (body === undefined && random.chance(0.7)) {
    const behind = trap(plan)
    const last = plan.steps.pop()!
    if (last.do === 'send') plan.then({ ...last, bytes: last.bytes + behind.head + renderBody(behind), begins: [...last.begins ?? [], plan.add(behind)] })
  }
}

/** A body that comes late: AMSU's connection is not the client's to hold. */
function withheld (plan: Plan): void {
  const { random } = plan
  const bytes = Math.floor(random.between(1, 5_000))
  const place = plan.add(makeRequest({ id: plan.nextId(), method: 'POST', body: { bytes, isChunked: random.chance(0.2) }, fault: random.chance(0.5) ? plain : chooseFault(random) }))
  plan.then({ do: 'send', bytes: plan.requests[place]!.head, begins: [place] })
  if (random.chance(0.35)) return
  plan.then({ do: 'wait', ms: Math.floor(random.between(50, 1_100)) }, { do: 'sendBody', request: place, from: 0, to: bytes, pieceBytes: 2_000, pauseMs: 0 })
}

/** AMSU responds while the body is on its way. */
function respondedEarly (plan: Plan): void {
  const { random } = plan
  const fault: AmsuFault = { ...chooseFault(random), name: 'early', size: Math.floor(random.between(0, 400)), at: Math.floor(random.pick([0, 20_000, random.between(50_000, 300_000)])), how: random.pick(['reset', 'reset', 'end', 'keep']) }
  const place = plan.add(makeRequest({ id: plan.nextId(), method: random.pick(['POST', 'PUT']), fault, body: { bytes: Math.floor(random.between(300_000, 3_500_000)), isChunked: random.chance(0.3) } }))
  const { body, head } = plan.requests[place]!
  plan.then({ do: 'send', bytes: head, begins: [place] }, { do: 'sendBody', request: place, from: 0, to: body!.bytes, pieceBytes: random.pick([20_000, 65_536, 400_000]), pauseMs: random.pick([0, 0, 0, 3]) })
}

function unread (plan: Plan): void {
  const { random } = plan
  const fault = { ...plain, name: 'large', size: Math.floor(random.between(1_000_000, 8_000_000)), framing: random.pick<AmsuFault['framing']>(['length', 'chunked', 'close']) } as const
  plan.sendWhole(makeRequest({ id: plan.nextId(), method: random.pick(['GET', 'POST']), fault }))
  plan.then({ do: 'pause', ms: Math.floor(random.between(50, 4_000)) })
}

/** Those kinds. */
export const usualKinds: readonly ConnectionKind[] = [
  { name: 'single', weight: 26, make: single },
  { name: 'pipeline', weight: 18, make: pipeline },
  { name: 'expecting', weight: 5, make: expecting },
  { name: 'refused', weight: 6, make: refused },
  { name: 'withheld', weight: 7, make: withheld },
  { name: 'responded to early', weight: 5, make: respondedEarly },
  { name: 'unread', weight: 1, make: unread },
]
