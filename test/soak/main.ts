/** Sends traffic through the proxy for minutes while faults happen, and checks every outcome against the faults: `npm run soak -- --minutes N`. */
import { print, readArgs, runByHand, runUntilTold, UsageError, wholeNumber } from '../support/by-hand.ts'
import { report } from './report.ts'
import { soak } from './soak.ts'

/** What `--help` prints. */
const usage = `Usage: npm run soak -- [--minutes N] [--seed N]

Sends mixed traffic through the proxy to a stand-in for AMSU, on loopback, while tokens
are revoked, token calls fail and connections break, and explains every outcome.

  --minutes N   how long, 0.05 to 720 (default 2)
  --seed N      what chance starts from, a whole number (default: a new one each time)
  --help        show this

Exit codes: 0 nothing unexplained, lost or sent twice; 1 something was, or the proxy
took too much memory or left sockets open; 2 bad usage; 130 or 143 stopped early.
`
/** Time that a soak may take beyond its minutes, before it is taken for hung. */
const overtimeMs = 120_000
/** Largest seed. */
const mostSeeds = 1_000_000

async function run (args: string[]): Promise<number> {
  const { help, minutes, seed } = parse(args)
  if (help) {
    process.stdout.write(usage)
    return 0
  }
  return await runUntilTold('soak', minutes * 60_000 + overtimeMs, async signal => {
    print(`soaking for ${minutes} minutes with seed ${seed}`)
    const { ledger, findings } = await soak({ minutes, seed, signal, say: print })
    const { text, isPassed } = report(ledger, findings)
    print(`${text}\n${isPassed ? 'passed' : 'FAILED'}`)
    return isPassed ? 0 : 1
  })
}

function parse (args: string[]): { help: boolean, minutes: number, seed: number } {
  const { help, minutes, seed } = readArgs({
    args,
    options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: String(Math.floor(Math.random() * mostSeeds)) }, help: { type: 'boolean', short: 'h', default: false } },
  }).values
  const minutesRead = Number(minutes)
  if (minutes.trim() === '' || !(minutesRead >= 0.05 && minutesRead <= 720)) throw new UsageError('--minutes must be a number from 0.05 to 720')
  return { help, minutes: minutesRead, seed: wholeNumber('seed', seed, 0, mostSeeds) }
}

await runByHand('soak', run)
