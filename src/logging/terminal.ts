/**
 * The log on a terminal: lines for people, and a way to write that a terminal which is held (Ctrl-S, a stalled ssh, a selected text)
 * does not block. Loaded only when standard output is a terminal.
 */
import { constants, openSync } from 'node:fs'
import { prettyFactory } from 'pino-pretty'

/** Where a terminal can be opened anew: where Linux shows what a descriptor stands for, and the terminal of the session anywhere. */
const PATHS = ['/proc/self/fd/1', '/dev/tty']

/** Its descriptor. */
const STANDARD_OUTPUT = 1

/** What a terminal would take for a command, in texts that others may have a part in. JSON writes it otherwise. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x1f]/g

/** Such as JSON does not: DEL, and the C1 controls. */
const MORE_CONTROLS = /[\x7f-\x9f]/g

/** A line of the log, as far as it is said otherwise to people. */
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
 * Opens the terminal of standard output for writes that never wait. Node writes to a terminal synchronously (nodejs/node#39027),
 * and the descriptor it was started with is the shell's too, so O_NONBLOCK must be set on one of our own.
 *
 * @returns the descriptor; the one of standard output, which may block, where the terminal can not be opened
 */
export function openTerminal (): number {
  for (const path of PATHS) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch {
      // No /proc, or the terminal belongs to the user from whom `su` came.
    }
  }
  return STANDARD_OUTPUT
}

/** Creates what makes a line for people of a line of JSON: one, with what happened in front. Only a defect has more, its stack. */
export function createTerminalFormat (isColored: boolean): (line: string) => string {
  const pretty = prettyFactory({ colorize: isColored, translateTime: 'SYS:HH:MM:ss.l', singleLine: true, errorLikeObjectKeys: [] })
  return text => {
    const line = JSON.parse(text.replace(MORE_CONTROLS, '?')) as Line
    const stack = takeStack(line.err) ?? takeStack(line.cause) ?? ''
    return pretty(withPlainMessage(line)) + stack
  }
}

/** Says in words what a request was; everything else of its line stays as it is. */
function withPlainMessage ({ msg = '', ...line }: Line): object {
  if (msg !== 'request') return { ...line, msg: msg.replace(CONTROLS, '?') }
  const { method, path, status, durationMs, ...rest } = line
  return { ...rest, msg: `${method} ${path} ${status} in ${Math.round(durationMs ?? 0)} ms`.replace(CONTROLS, '?') }
}

/** Takes the stack out of an error, as lines of its own. */
function takeStack (error: { stack?: string } | undefined): string | undefined {
  const { stack } = error ?? {}
  if (error === undefined || stack === undefined) return undefined
  delete error.stack
  return stack.split('\n').map(line => `    ${line.replace(CONTROLS, '?')}\n`).join('')
}
