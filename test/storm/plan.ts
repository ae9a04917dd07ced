/** A script in the making: requests and steps, and the usual ways to put a request on the wire. */
import type { Random } from '../soak/random.ts'
import { chunksOf } from './amsu-response.ts'
import { patternBytes } from './pattern.ts'
import type { PlannedRequest, ProxyName, Step } from './script.ts'

/** Bodies up to this many bytes go into the segment of their head. */
const smallBytes = 16_384

/** What a kind of connection adds to. */
export interface Plan {
  readonly random: Random
  readonly proxy: ProxyName
  readonly requests: PlannedRequest[]
  readonly steps: Step[]
  /** The id of the next request. */
  nextId: () => string
  /** Adds a request; returns its place. */
  add: (request: PlannedRequest) => number
  /** Adds steps. */
  then: (...steps: Step[]) => void
  /** Writes a request whole, and what is said behind it in the same segment. */
  sendWhole: (request: PlannedRequest, behind?: string) => number
  /** Writes requests in one segment, as far as their bodies are small. */
  sendTogether: (requests: readonly PlannedRequest[], behind?: string) => void
  /** Writes a request slowly: its head in pieces, its body in pieces. */
  sendSlowly: (request: PlannedRequest) => number
}

/** Begins a script. */
export function createPlan (name: string, random: Random, proxy: ProxyName): Plan {
  const requests: PlannedRequest[] = []
  const steps: Step[] = []
  const add = (request: PlannedRequest): number => requests.push(request) - 1
  const then = (...more: Step[]): void => { steps.push(...more) }
  const sendBody = (place: number, pieceBytes: number, pauseMs: number): void => {
    then({ do: 'sendBody', request: place, from: 0, to: requests[place]!.body!.bytes, pieceBytes, pauseMs })
  }
  const sendTogether = (together: readonly PlannedRequest[], behind = ''): void => {
    let segment: { bytes: string, begins: number[], completes: number[] } = { bytes: '', begins: [], completes: [] }
    for (const request of together) {
      const place = add(request)
      segment.bytes += request.head
      segment.begins.push(place)
      if (isSmall(request)) {
        segment.bytes += renderBody(request)
        segment.completes.push(place)
        continue
      }
      then({ do: 'send', ...segment })
      segment = { bytes: '', begins: [], completes: [] }
      sendBody(place, random.pick([10_000, 65_536, 200_000]), 0)
    }
    if (segment.bytes !== '' || behind !== '') then({ do: 'send', ...segment, bytes: segment.bytes + behind })
  }
  return {
    random,
    proxy,
    requests,
    steps,
    nextId: () => `${name}-${requests.length}`,
    add,
    then,
    sendTogether,
    sendWhole (request, behind) {
      sendTogether([request], behind)
      return requests.length - 1
    },
    sendSlowly (request) {
      const place = add(request)
      const { head } = request
      const cuts = [0, ...Array.from({ length: 3 }, () => Math.floor(random.between(1, head.length))).sort((a, b) => a - b), head.length]
      for (let i = 1; i < cuts.length; i++) {
        then({ do: 'send', bytes: head.slice(cuts[i - 1], cuts[i]), begins: i === 1 ? [place] : [], completes: i === cuts.length - 1 && request.body === undefined ? [place] : [] })
        then({ do: 'wait', ms: Math.floor(random.between(1, 80)) })
      }
      if (request.body !== undefined) sendBody(place, Math.max(1, Math.ceil(request.body.bytes / 8)), Math.floor(random.between(1, 120)))
      return place
    },
  }
}

function isSmall ({ body }: PlannedRequest): boolean {
  return body === undefined || body.bytes <= smallBytes
}

/** A small body as it goes over the wire, Latin-1. */
export function renderBody ({ id, body }: PlannedRequest): string {
  if (body === undefined) return ''
  const bytes = patternBytes(id, 0, body.bytes)
  return (body.isChunked ? Buffer.concat([...chunksOf(bytes), Buffer.from('0\r\n\r\n')]) : bytes).toString('latin1')
}
