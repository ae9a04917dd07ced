/** Sends traffic through the proxy for minutes while faults happen, and checks every outcome against the faults: `npm run soak -- --minutes N`. */
import { readArgs, runByHand, UsageError, whenToldToEnd } from '../support/by-hand.ts'
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
  const stop = new AbortController()
  let stopCode = 1
  whenToldToEnd(exitCode => {
    stopCode = exitCode
    stop.abort()
  })
  setTimeout(() => {
    process.stderr.write('soak: hung\n')
    process.exit(1)
  }, minutes * 60_000 + overtimeMs).unref()
  const say = (line: string): void => { process.stdout.write(`${line}\n`) }
  say(`soaking for ${minutes} minutes with seed ${seed}`)
  try {
    const { ledger, findings } = await soak({ minutes, seed, signal: stop.signal, say })
    const { text, isPassed } = report(ledger, findings)
    say(`${text}\n${isPassed ? 'passed' : 'FAILED'}`)
    return isPassed ? 0 : 1
  } catch (error) {
    if (stop.signal.aborted) return stopCode
    process.stderr.write(`soak: ${(error as Error).message}\n`)
    return 1
  }
}

function parse (args: string[]): { help: boolean, minutes: number, seed: number } {
  const { help, minutes, seed } = readArgs({
    args,
    options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
  }).values
  const [minutesRead, seedRead] = [Number(minutes), seed === undefined ? Math.floor(Math.random() * mostSeeds) : Number(seed)]
  if (minutes.trim() === '' || !(minutesRead >= 0.05 && minutesRead <= 720)) throw new UsageError('--minutes must be a number from 0.05 to 720')
  if (seed?.trim() === '' || !Number.isInteger(seedRead) || seedRead < 0 || seedRead > mostSeeds) throw new UsageError(`--seed must be a whole number from 0 to ${mostSeeds}`)
  return { help, minutes: minutesRead, seed: seedRead }
}

await runByHand('soak', run)
