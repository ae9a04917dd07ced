/**
 * What is asked for on the command line: a pure function. Words are not repeated in a complaint, because a secret may have been
 * typed in the wrong place.
 */
import { nearestName } from '../config/nearest-name.ts'
import { COMMANDS, type CommandName } from './usage.ts'

/** How long `wait` waits. */
const WAIT_DEFAULT_SECONDS = 30

/** A day; who waits longer has made a mistake. */
const MAX_WAIT_SECONDS = 86_400

/** Everything a command line may begin with. */
const WORDS = [...COMMANDS, 'help', '--help', '--version']

/** The options of each command, besides `--help`. */
const OPTIONS: Readonly<Record<CommandName, readonly string[]>> = { serve: [], check: ['--json'], healthcheck: [], wait: ['--timeout'] }

/** A command with what it needs to know, or a sentence about what is wrong. */
export type CommandLine =
  | { readonly command: 'serve' | 'healthcheck' | 'version' }
  | { readonly command: 'check', readonly isJson: boolean }
  | { readonly command: 'wait', readonly timeoutMs: number }
  | { readonly command: 'help', readonly topic: CommandName | undefined }
  | { readonly command: 'usage_error', readonly problem: string }

/** Reads the arguments, without those of Node. */
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
      const odd = rest.find(argument => argument !== '--json')
      return odd === undefined ? { command: 'check', isJson: rest.length > 0 } : argumentError(word, odd)
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
  const isApart = first === '--timeout'
  const text = isApart ? rest[0] : /^--timeout=(.*)$/.exec(first)?.[1]
  const extra = isApart ? rest[1] : rest[0]
  if (text === undefined && !isApart) return argumentError('wait', first)
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
