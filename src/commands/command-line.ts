/**
 * Command-line parser: a pure function of the arguments. Its errors do not repeat the arguments, because a secret may have been typed
 * in the wrong place.
 */
import { nearestName } from '../config/nearest-name.ts'
import { COMMANDS, type CommandName } from './usage.ts'

/** How long `wait` waits by default. */
const WAIT_DEFAULT_SECONDS = 30

/** A day; a longer wait is a mistake. */
const MAX_WAIT_SECONDS = 86_400

/** What the first argument may be. */
const WORDS = [...COMMANDS, 'help', '--help', '--version']

/** The options of each command, besides `--help`. */
const OPTIONS: Readonly<Record<CommandName, readonly string[]>> = { serve: [], check: ['--json'], healthcheck: [], wait: ['--timeout'] }

/** A command with its options, or a sentence that names the error. */
export type CommandLine =
  | { readonly command: 'serve' | 'healthcheck' | 'version' }
  | { readonly command: 'check', readonly isJson: boolean }
  | { readonly command: 'wait', readonly timeoutMs: number }
  | { readonly command: 'help', readonly topic: CommandName | undefined }
  | { readonly command: 'usage_error', readonly problem: string }

/** Parses the arguments; those of Node are not among them. */
export function parseCommandLine ([word = 'serve', ...rest]: readonly string[]): CommandLine {
  if (word === '--help' || word === '-h') return { command: 'help', topic: undefined }
  if (word === '--version') return { command: 'version' }
  if (word === 'help') return readHelp(rest)
  if (!isCommand(word)) return usageError(`amsu-proxy: unknown ${word.startsWith('-') ? 'option' : 'command'}; did you mean ${nearestName(word, WORDS)}?`)
  if (rest.includes('--help') || rest.includes('-h')) return { command: 'help', topic: word }
  switch (word) {
    case 'serve':
    case 'healthcheck':
      return rest.length === 0 ? { command: word } : argumentError(word, rest[0] as string)
    case 'check': {
      const unknown = rest.find(argument => argument !== '--json')
      return unknown === undefined ? { command: 'check', isJson: rest.length > 0 } : argumentError(word, unknown)
    }
    case 'wait':
      return readWait(rest)
  }
}

function readHelp ([topic, ...rest]: readonly string[]): CommandLine {
  if (rest.length > 0) return usageError('amsu-proxy help takes one command')
  if (topic === undefined || isCommand(topic)) return { command: 'help', topic }
  return usageError(`amsu-proxy help: unknown command; did you mean ${nearestName(topic, COMMANDS)}?`)
}

function readWait (given: readonly string[]): CommandLine {
  const [first = `--timeout=${WAIT_DEFAULT_SECONDS}`, ...rest] = given
  const isSeparate = first === '--timeout'
  const text = isSeparate ? rest[0] : /^--timeout=(.*)$/.exec(first)?.[1]
  const extra = isSeparate ? rest[1] : rest[0]
  if (text === undefined && !isSeparate) return argumentError('wait', first)
  if (text === undefined || !/^\d{1,5}(?:\.\d{1,3})?$/.test(text) || Number(text) > MAX_WAIT_SECONDS) {
    return usageError(`amsu-proxy wait: --timeout must be a number of seconds from 0 to ${MAX_WAIT_SECONDS}`)
  }
  return extra === undefined ? { command: 'wait', timeoutMs: Number(text) * 1000 } : argumentError('wait', extra)
}

function argumentError (command: CommandName, argument: string): CommandLine {
  const options = OPTIONS[command]
  if (options.length === 0) return usageError(`amsu-proxy ${command} takes no arguments`)
  const kind = argument.startsWith('-') ? 'unknown option' : 'unknown argument'
  return usageError(`amsu-proxy ${command}: ${kind}; did you mean ${nearestName(argument, options)}?`)
}

function usageError (problem: string): CommandLine {
  return { command: 'usage_error', problem }
}

function isCommand (word: string): word is CommandName {
  return COMMANDS.some(command => command === word)
}
