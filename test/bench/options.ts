/** The command line of the benchmark. */
import { readArgs, UsageError } from '../support/by-hand.ts'

/** What `--help` prints. */
export const usage = `Usage: npm run bench -- [suite…] [options]

Measures the built proxy beside other reverse proxies, on loopback: the proxy on core 0,
the upstream and the load on core 1. Takes hours with all suites; docs/internals/benchmark.md tells more.

Suites (default: all): %SUITES%
  check             no figures: every target relays, strips and injects as it should

Options:
  --rounds N        rounds, in which all targets take turns (default 7)
  --seconds S       length of one sample (default 3)
  --requests N      of the suite leak (default 1000000)
  --only a,b        these targets alone: %TARGETS%
  --node PATH       the Node.js that runs ours and the peers on Node.js (default: this one)
  --json FILE       where results are kept and, by --publish, read (default: below node_modules/.cache)
  --install         installs the peers and tools as Debian packages (takes root) and from npm, and ends
  --publish         writes kept results into the READMEs, docs/internals/benchmark.md and docs/images, and ends
  --help            show this

Exit codes: 0 fine, 1 a target failed, 2 bad usage, 130 or 143 stopped.
`

/** What to do. */
export interface Options {
  readonly action: 'run' | 'install' | 'publish' | 'help'
  /** Names of suites; `check` is one of them. */
  readonly suites: readonly string[]
  readonly rounds: number
  readonly seconds: number
  readonly requests: number
  /** Targets by id; undefined for all. */
  readonly only: readonly string[] | undefined
  readonly node: string
  readonly json: string | undefined
}

/**
 * Reads the command line.
 *
 * @param known names that exist
 * @throws UsageError for anything that is not understood
 */
export function parseOptions (args: string[], known: { readonly suites: readonly string[], readonly targets: readonly string[], readonly node: string }): Options {
  const { values, positionals } = readArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '1000000' },
      only: { type: 'string' },
      node: { type: 'string' },
      json: { type: 'string' },
      install: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const only = values.only?.split(',').map(id => id.trim())
  refuseUnknown('suite', positionals, ['check', ...known.suites])
  refuseUnknown('target', only ?? [], known.targets)
  return {
    action: values.help ? 'help' : values.install ? 'install' : values.publish ? 'publish' : 'run',
    suites: positionals.length > 0 ? positionals : known.suites,
    rounds: whole('--rounds', values.rounds, 1000),
    seconds: whole('--seconds', values.seconds, 600),
    requests: whole('--requests', values.requests, 1e9),
    only,
    node: values.node ?? known.node,
    json: values.json,
  }
}

function whole (name: string, text: string, most: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > most) throw new UsageError(`${name} must be a whole number from 1 to ${most}`)
  return value
}

function refuseUnknown (kind: string, names: readonly string[], known: readonly string[]): void {
  const stranger = names.find(name => !known.includes(name))
  if (stranger !== undefined) throw new UsageError(`there is no ${kind} ${stranger}; there are ${known.join(', ')}`)
}
