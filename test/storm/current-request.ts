/** The request that a connection to the stand-in for AMSU is at. */
import type { Socket } from 'node:net'
import type { AmsuFault } from './amsu-fault.ts'
import type { Arrival } from './request-ledger.ts'

/** A request, as the connection responds to it. */
export interface CurrentRequest {
  readonly arrival: Arrival
  readonly fault: AmsuFault
  readonly id: string
  readonly method: string
  /** Whether this request has arrived for the first time. */
  readonly isFirst: boolean
  /** Whether its response has been chosen. */
  isTaken: boolean
}

/** Notes that its connection breaks now. A reset of a socket that has been ended drops what is not written yet, and is none. */
export function noteBroken ({ arrival, fault }: CurrentRequest, how: AmsuFault['how'], { writableEnded, writableLength }: Socket): void {
  arrival.isBroken = true
  const isCut = how === 'reset' ? writableEnded && writableLength > 0 : arrival.isBegun && !arrival.isResponded
  arrival.isCutCleanly ||= isCut && fault.framing === 'close'
}
