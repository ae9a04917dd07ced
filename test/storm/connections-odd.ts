/** Connections whose client sends what few clients send: tunnels, upgrades, strays, broken bytes. */
import { plain } from './amsu-fault.ts'
import type { ConnectionKind } from './connection-kinds.ts'
import { trap } from './connections-usual.ts'
import { brokenRequest, makeRequest, relayedRequest } from './plan-request.ts'
import { renderBody } from './plan.ts'
import type { Plan } from './plan.ts'
import type { PlannedRequest } from './script.ts'

/** Adds a CONNECT and returns its bytes. */
export function connectRequest (plan: Plan): string {
  const place = plan.add(makeRequest({ id: plan.nextId(), kind: 'refused', method: 'CONNECT', target: plan.random.pick(['example.org:443', 'localhost:80', '127.0.0.1:1']), isLast: true }))
  return plan.requests[place]!.head
}

function connecting (plan: Plan): void {
  const first = connectRequest(plan)
  const behind = plan.random.chance(0.5) ? trap(plan) : undefined
  plan.then({ do: 'send', bytes: first + (behind?.head ?? '\x16\x03\x01 hello'), begins: behind === undefined ? [0] : [0, plan.add(behind)] })
}

/** A request that asks for another protocol; what stands behind it, or is its body, is no request. */
function upgrading (plan: Plan): void {
  const { random } = plan
  const lines = random.pick([
    ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'],
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    ['Connection: upgrade', 'Upgrade: TLS/1.2'],
  ])
  const id = plan.nextId()
  const hidden = makeRequest({ id: `${id.replace(/\d+$/, '')}1`, kind: 'trap', method: 'POST', body: { bytes: 20, isChunked: false } })
  const hiddenBytes = hidden.head + renderBody(hidden)
  const isInBody = random.chance(0.5)
  const request = makeRequest({ id, kind: 'either', method: isInBody ? 'POST' : random.pick(['GET', 'POST']), isLast: true, lines: [...lines, ...isInBody ? [`Content-Length: ${hiddenBytes.length}`] : []] })
  plan.add(isInBody ? { ...request, otherBodyBytes: hiddenBytes.length } : request)
  plan.add(hidden)
  if (random.chance(0.7)) {
    plan.then({ do: 'send', bytes: request.head + hiddenBytes, begins: [0, 1], completes: [0] })
  } else {
    plan.then({ do: 'send', bytes: request.head, begins: [0], completes: isInBody ? [] : [0] }, { do: 'wait', ms: Math.floor(random.between(0, 50)) }, { do: 'send', bytes: hiddenBytes, begins: [1], completes: isInBody ? [0] : [] })
  }
}

/** Bytes behind a whole request do not take its response away. */
function stray (plan: Plan): void {
  const { random } = plan
  const fault = { ...plain, delayMs: Math.floor(random.between(0, 300)), size: Math.floor(random.between(0, 2_000)) }
  const firsts = Array.from({ length: random.pick([1, 1, 1, 3]) }, (_, i): PlannedRequest => makeRequest({
    id: plan.nextId().replace(/\d+$/, String(i)), method: random.pick(['POST', 'POST', 'GET']), body: random.chance(0.8) ? { bytes: Math.floor(random.between(1, 300)), isChunked: random.chance(0.3) } : undefined, fault,
  }))
  const isTogether = random.chance(0.5)
  plan.sendTogether(firsts)
  if (!isTogether) plan.then({ do: 'wait', ms: Math.floor(random.between(1, 200)) })
  const broken = random.chance(0.5) ? brokenRequest(random, plan.nextId()) : { ...brokenRequest(random, plan.nextId()), kind: 'trap', head: random.pick(['}', '\0', '\r\n}', 'x', 'POST /amsu-analysis', 'GET / HTTP/1.1\r\nHost: loc', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x']) } as const
  const place = plan.add(broken)
  const last = plan.steps.at(-1)!
  if (isTogether && last.do === 'send') plan.steps[plan.steps.length - 1] = { ...last, bytes: last.bytes + broken.head, begins: [...last.begins ?? [], place] }
  else plan.then({ do: 'send', bytes: broken.head, begins: [place] })
  plan.then({ do: 'await', responses: firsts.length })
}

function broken (plan: Plan): void {
  const place = plan.add(brokenRequest(plan.random, plan.nextId()))
  plan.then({ do: 'send', bytes: plan.requests[place]!.head, begins: [place], completes: [place] })
}

/** A body that goes wrong in its middle. */
function brokenBody (plan: Plan): void {
  const { random } = plan
  const place = plan.add({ ...relayedRequest(random, plan.nextId(), { method: 'POST', fault: plain }), kind: 'broken' })
  const request = { ...plan.requests[place]!, body: { bytes: 100_000, isChunked: true } }
  const head = makeRequest({ id: request.id, method: 'POST', body: request.body }).head
  plan.requests[place] = { ...request, head, isNamed: true }
  plan.then({ do: 'send', bytes: head, begins: [place] }, { do: 'sendBody', request: place, from: 0, to: Math.floor(random.between(1, 90_000)), pieceBytes: 8_000, pauseMs: 0 }, { do: 'wait', ms: Math.floor(random.between(0, 100)) }, { do: 'send', bytes: random.pick(['zz\r\n', '-1\r\n', '5\r\nhelloxx', '\0\0']), completes: [place] })
}

/** Those kinds. */
export const oddKinds: readonly ConnectionKind[] = [
  { name: 'CONNECT', weight: 2, make: connecting },
  { name: 'upgrade', weight: 6, make: upgrading },
  { name: 'stray bytes', weight: 7, make: stray },
  { name: 'broken', weight: 4, make: broken },
  { name: 'broken body', weight: 2, make: brokenBody },
]
