/** Storms the built program with connections of every kind before an AMSU that misbehaves: `npm run storm -- --seconds N`. */
import { print, readArgs, runByHand, runUntilTold, wholeNumber } from '../support/by-hand.ts'
import { storm } from './storm.ts'

/** What `--help` prints. */
const usage = `Usage: npm run storm -- [--seconds N] [--seed N] [--node PATH] [--connections N] [--only N]

Opens connections of every kind at random to the built program, on loopback, before a
stand-in for AMSU that misbehaves, and holds every request and the process against what
must be true whatever the timing.

  --seconds N      how long, 1 to 86400 (default 60); coming to rest takes half a minute more
  --seed N         what chance starts from, a whole number (default: a new one each time)
  --node PATH      the Node.js that runs the program (default: this one)
  --connections N  connections at once, 1 to 500 (default 64)
  --only N         makes connection N of the seed alone, and shows its script
  --help           show this

Exit codes: 0 nothing found; 1 something was; 2 bad usage; 130 or 143 stopped early.
`
/** Time that a storm may take beyond its seconds, before it is taken for hung. */
const overtimeMs = 150_000
const mostSeeds = 1_000_000

async function run (args: string[]): Promise<number> {
  const { help, ...options } = parse(args)
  if (help) {
    process.stdout.write(usage)
    return 0
  }
  return await runUntilTold('storm', options.seconds * 1_000 + overtimeMs, async signal => {
    print(`storming for ${options.seconds} s with seed ${options.seed}`)
    const { findings, tally } = await storm({ ...options, signal, say: print })
    for (const [name, count] of [...tally].sort(([a], [b]) => a.localeCompare(b))) print(`${String(count).padStart(7)}  ${name}`)
    print(findings.render())
    print(findings.count === 0 ? 'passed' : `FAILED; again: npm run storm -- --seconds ${options.seconds} --seed ${options.seed}`)
    return findings.count === 0 ? 0 : 1
  })
}

function parse (args: string[]) {
  const { values } = readArgs({
    args,
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * mostSeeds)) },
      node: { type: 'string', default: process.execPath },
      connections: { type: 'string', default: '64' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return {
    help: values.help,
    node: values.node,
    seconds: wholeNumber('seconds', values.seconds, 1, 86_400),
    seed: wholeNumber('seed', values.seed, 0, mostSeeds),
    connections: wholeNumber('connections', values.connections, 1, 500),
    only: values.only === undefined ? undefined : wholeNumber('only', values.only, 0, Number.MAX_SAFE_INTEGER),
  }
}

await runByHand('storm', run)
