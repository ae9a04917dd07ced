/**
 * Telemetry: receives each event of a proxy once, and keeps the numbers and history that metrics and the status page show.
 */
import type { TokenCallOutcome } from '../amsu/observed-token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import type { Outcome } from '../relay/context.ts'
import { History } from './history.ts'
import { TokenCallHistory } from './token-call-history.ts'
import { Traffic } from './traffic.ts'

/** The telemetry of one proxy. Its methods are bound, so that they can be passed as listeners. */
export class Telemetry {
  readonly traffic = new Traffic()
  readonly history: History
  readonly tokenCallHistory: TokenCallHistory
  /** When the proxy started, in milliseconds since the Unix epoch. */
  readonly startedAt: number

  constructor (clock: Pick<Clock, 'wall'>) {
    this.history = new History(clock)
    this.tokenCallHistory = new TokenCallHistory(clock)
    this.startedAt = clock.wall()
  }

  /** A relayed request has ended. */
  onOutcome = (outcome: Outcome): void => {
    this.traffic.count(outcome)
    this.history.add(outcome)
  }

  /** A request was rejected before it was relayed. */
  onRejection = (code: ErrorCode): void => { this.traffic.countError(code) }

  /** Headers of a response contained a secret and were dropped. */
  onLeak = (count: number): void => { this.traffic.leaks += count }

  /** A token call has ended. */
  onTokenCall = (call: TokenCall, outcome: TokenCallOutcome): void => { this.tokenCallHistory.add(call, outcome) }
}
