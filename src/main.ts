#!/usr/bin/env node
/**
 * The process. Its signals are caught before anything else is loaded: without a listener the first one would end the program, or,
 * where it is the first process of a container, be lost (pid_namespaces(7)). So nothing is imported here but types and, last, the
 * program; this file is built into one that imports nothing either.
 */
import type { Signals, StopSignal } from './program.ts'

/** What came before anybody asked. */
const early: { stops: StopSignal[], isReloadDue: boolean } = { stops: [], isReloadDue: false }

let onStop = (signal: StopSignal): void => { early.stops.push(signal) }
let onReload = (): void => { early.isReloadDue = true }

process.on('SIGTERM', signal => { onStop(signal as StopSignal) })
process.on('SIGINT', signal => { onStop(signal as StopSignal) })
process.on('SIGHUP', () => { onReload() })
// Without a listener Node would open the debugger to everybody on this machine.
process.on('SIGUSR1', () => {})
// A log file that may not grow any more (setrlimit(2), RLIMIT_FSIZE) costs lines, as a full disk does.
process.on('SIGXFSZ', () => {})

const signals: Signals = {
  onStop (handle) {
    onStop = handle
    for (const signal of early.stops.splice(0)) handle(signal)
  },
  onReload (handle) {
    onReload = handle
    if (early.isReloadDue) handle()
    early.isReloadDue = false
  },
}

try {
  const { runProgram } = await import('./program.ts')
  await runProgram(process, signals)
} catch (error) {
  const { code, name, message, stack } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException
  // What has a code, or is no JavaScript, is not of our making; of a defect only its stack tells the place.
  const isDefect = code === undefined && name !== 'SyntaxError'
  process.stderr.write(`amsu-proxy can not run: ${code ?? name}: ${message}\n${isDefect ? `${stack}\n` : ''}`)
  process.exit(1)
}
