/** Shows the proxy at work, without an account: `npm run demo -- [--once] [recording.ecg]`. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readArgs, runByHand, UsageError, whenToldToEnd } from '../support/by-hand.ts'
import { runDemo } from './demo.ts'
import { createScreen } from './screen.ts'

/** What `--help` prints. */
const usage = `Usage: npm run demo -- [--once] [recording.ecg]

Starts a stand-in for AMSU and the proxy on free ports, makes the calls of a legacy
app through the proxy, and stays up until Ctrl-C. Needs no account.

  recording.ecg   a recording to send instead of a synthetic ECG of 30 minutes:
                  16-bit little-endian samples, 250 a second, no header
  --once          end after the last step
  --help          show this

Exit codes: 0 fine, 1 a step failed, 2 bad usage, 130 or 143 stopped before the last step.
`

async function run (args: string[]): Promise<number> {
  const { values, positionals } = readArgs({
    args,
    allowPositionals: true,
    options: { once: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  if (positionals.length > 1) throw new UsageError(`one recording at a time, please: ${positionals.length} given`)
  const recordingPath = positionals[0] === undefined ? undefined : findRecording(positionals[0])

  const stop = new AbortController()
  let stopCode = 1
  whenToldToEnd(exitCode => {
    stopCode = exitCode
    stop.abort()
  })
  const ending = await runDemo({ recordingPath, isOnce: values.once, screen: createScreen(process.stdout, process.env), signal: stop.signal })
  return { done: 0, failed: 1, stopped: stopCode }[ending]
}

/** npm changes to the project's folder; the path is meant relative to where the user is. */
function findRecording (name: string): string {
  if (!name.endsWith('.ecg')) throw new UsageError(`AMSU takes files whose name ends in .ecg only: ${name}`)
  const path = [resolve(process.env['INIT_CWD'] ?? '.', name), resolve(name)].find(existsSync)
  if (path === undefined) throw new UsageError(`there is no file ${name}`)
  if (!statSync(path).isFile()) throw new UsageError(`${name} is not a file`)
  try {
    accessSync(path, constants.R_OK)
  } catch {
    throw new UsageError(`${name} cannot be read by this user`)
  }
  return path
}

await runByHand('demo', run)
