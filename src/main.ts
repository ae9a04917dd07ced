#!/usr/bin/env node
/**
 * Entry point of the process: installs the signal handlers, then loads the program. Without a handler, the first signal would end the
 * program or, if it is the first process of a container, be lost (pid_namespaces(7)). Therefore this file statically imports only types,
 * and the built file has no imports either.
 */
import type { Signals, StopSignal } from './program.ts'

/** Signals that arrived before the program set its handlers. */
const early: { stops: StopSignal[], isReloadDue: boolean } = { stops: [], isReloadDue: false }

let onStop = (signal: StopSignal): void => { early.stops.push(signal) }
let onReload = (): void => { early.isReloadDue = true }

process.on('SIGTERM', signal => { onStop(signal as StopSignal) })
process.on('SIGINT', signal => { onStop(signal as StopSignal) })
process.on('SIGHUP', () => { onReload() })
// Without a handler, Node would open the debugger to every user of this machine.
process.on('SIGUSR1', () => {})
// If a log file has reached its size limit (setrlimit(2), RLIMIT_FSIZE), log lines are lost, as with a full disk.
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
  // An error with a code, or a syntax error, is not a defect of this program. Only the stack of a defect locates it.
  const isDefect = code === undefined && name !== 'SyntaxError'
  process.stderr.write(`amsu-proxy cannot run: ${code ?? name}: ${message}\n${isDefect ? `${stack}\n` : ''}`)
  process.exit(1)
}
