/**
 * Terminal log: formats lines for people, and opens the terminal for non-blocking writes, so that a paused terminal (Ctrl-S, a stalled
 * ssh, selected text) does not block the proxy. Loaded only if standard output is a terminal.
 */
import { constants, openSync } from 'node:fs'
import { prettyFactory } from 'pino-pretty'

/** Paths that open the terminal again: the descriptor's own on Linux, and the terminal of the session on any system. */
const PATHS = ['/proc/self/fd/1', '/dev/tty']

/** The descriptor of standard output. */
const STANDARD_OUTPUT = 1

/** Control characters, which a terminal would execute, in text that others may influence. JSON escapes them. */
// eslint-disable-next-line no-control-regex -- control characters are what it replaces
const CONTROLS = /[\x00-\x1f]/g

/** The control characters that JSON does not escape: DEL and C1. */
const MORE_CONTROLS = /[\x7f-\x9f]/g

/** The fields of a log line that are shown differently to people. */
interface Line {
  msg?: string
  method?: string
  path?: string
  status?: number
  durationMs?: number
  err?: { stack?: string }
  cause?: { stack?: string }
}

/**
 * Opens the terminal of standard output for non-blocking writes. Node writes to a terminal synchronously (nodejs/node#39027), and the
 * shell shares its descriptor, so O_NONBLOCK must be set on a descriptor of our own.
 *
 * @returns the descriptor; if the terminal cannot be opened, that of standard output, which may block
 */
export function openTerminal (): number {
  for (const path of PATHS) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch {
      // There is no /proc, or the terminal belongs to the user who ran `su`.
    }
  }
  return STANDARD_OUTPUT
}

/** Creates a function that formats a line of JSON for people, as one line with the message first. Only a defect adds lines: its stack. */
export function createTerminalFormat (isColored: boolean): (line: string) => string {
  const pretty = prettyFactory({ colorize: isColored, translateTime: 'SYS:HH:MM:ss.l', singleLine: true, errorLikeObjectKeys: [] })
  return text => {
    const line = JSON.parse(text.replace(MORE_CONTROLS, '?')) as Line
    const stack = takeStack(line.err) ?? takeStack(line.cause) ?? ''
    return pretty(withPlainMessage(line)) + stack
  }
}

/** Replaces the message of a request's line with its method, path, status and duration; all other fields stay. */
function withPlainMessage ({ msg = '', ...line }: Line): object {
  if (msg !== 'request') return { ...line, msg: msg.replace(CONTROLS, '?') }
  const { method, path, status, durationMs, ...rest } = line
  return { ...rest, msg: `${method} ${path} ${status} in ${Math.round(durationMs ?? 0)} ms`.replace(CONTROLS, '?') }
}

/** Removes the stack from an error and returns it as separate lines. */
function takeStack (error: { stack?: string } | undefined): string | undefined {
  const { stack } = error ?? {}
  if (error === undefined || stack === undefined) return undefined
  delete error.stack
  return stack.split('\n').map(line => `    ${line.replace(CONTROLS, '?')}\n`).join('')
}
