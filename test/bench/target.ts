/** What can be measured: a program that relays /amsu-analysis/ with a token. */

/** The token every request must carry at the upstream. */
export const TOKEN = 'a-token-of-the-benchmark-0123456789abcdef0123456789abcdef'
/** What the load sends instead: our callers' secret, and for all others a value that they must replace. */
export const CALLER_SECRET = '7d1f0c5be2a94836b0d7e4f1a2c39586'

/** Where a target runs. */
export interface Site {
  readonly port: number
  readonly upstreamPort: number
  /** A folder of its own, without a slash at the end. */
  readonly folder: string
  /** Path of the Node.js that runs ours and the peers on Node.js. */
  readonly node: string
}

/** How a target is started. */
export interface Launch {
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Files to write into its folder before, by name. */
  readonly files?: Readonly<Record<string, string>>
}

/** A program under test. */
export interface Target {
  /** As `--only` takes it. */
  readonly id: string
  /** As a table shows it. */
  readonly title: string
  /** Its version, or undefined when it is not installed. */
  readonly version: (node: string) => string | undefined
  /** How to start it; undefined for the upstream itself. */
  readonly launch: ((site: Site) => Launch) | undefined
  /** Which suites it takes part in; all when left out. */
  readonly takesPart?: (suite: string) => boolean
  /** Whether it is ours, to which the others are compared. */
  readonly isOurs?: true
  readonly runsOnNode?: true
}

/** The `Authorization` that load sends to a target. */
export function authorizationFor ({ launch }: Target): string {
  return `Bearer ${launch === undefined ? TOKEN : CALLER_SECRET}`
}
