/**
 * Hears of all that happens in a proxy, once, and remembers what metrics and the status page tell of it.
 */
import type { TokenCallOutcome } from '../amsu/observed-token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import type { Outcome } from '../relay/context.ts'
import { History } from './history.ts'
import { TokenCallHistory } from './token-call-history.ts'
import { Traffic } from './traffic.ts'

/** The memory of one proxy. Its methods are bound, to be handed to the parts as listeners. */
export class Telemetry {
  readonly traffic = new Traffic()
  readonly history: History
  readonly tokenCallHistory: TokenCallHistory
  /** When the proxy was started, in milliseconds since the Unix epoch. */
  readonly startedAt: number

  constructor (clock: Pick<Clock, 'wall'>) {
    this.history = new History(clock)
    this.tokenCallHistory = new TokenCallHistory(clock)
    this.startedAt = clock.wall()
  }

  /** A request that the relay took has ended. */
  onOutcome = (outcome: Outcome): void => {
    this.traffic.count(outcome)
    this.history.add(outcome)
  }

  /** A request was refused before the relay took it. */
  onRejection = (code: ErrorCode): void => { this.traffic.countError(code) }

  /** So many headers of an answer held a secret and were dropped. */
  onLeak = (count: number): void => { this.traffic.leaks += count }

  /** A token call has ended. */
  onTokenCall = (call: TokenCall, outcome: TokenCallOutcome): void => { this.tokenCallHistory.add(call, outcome) }
}
