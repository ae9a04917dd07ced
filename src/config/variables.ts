/**
 * Reads the variables without validating them: the environment, which wins, and a `.env` file. This is separate from validation.ts
 * because `healthcheck` runs every few seconds and needs a few variables but no schema.
 */
import { parseDotenv, type Dotenv } from './dotenv.ts'
import { decodeText, readTextFile, toFileError } from './text-file.ts'

/** The environment as the process has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The content of a file; empty if the file does not exist. */
export interface DotenvFile extends Dotenv {
  readonly isOpenToAll: boolean
}

/** The contents of FIFOs by path. They are read before anything else, because a FIFO can be read only once. */
export type Pipes = ReadonlyMap<string, Buffer>

const EMPTY: DotenvFile = { values: new Map(), lineOf: new Map(), problems: [], warnings: [], isOpenToAll: false }

/**
 * Merges the environment with a `.env` file.
 *
 * @param environment wins over the file
 * @param path the file; it need not exist
 */
export function readVariables (environment: Environment, path: string, problems: string[]): Record<string, string> {
  const dotenv = readDotenv(path)
  problems.push(...dotenv.problems)
  return mergeVariables(environment, dotenv)
}

/** Reads a `.env` file. Its problems and warnings are complete sentences that begin with its path. */
export function readDotenv (path: string, pipes: Pipes = new Map()): DotenvFile {
  const toSentence = (end: string): string => `${path} ${end}`
  try {
    const piped = pipes.get(path)
    const { text, isOpenToAll } = piped === undefined ? readTextFile(path) : { text: decodeText(piped), isOpenToAll: false }
    const { problems, warnings, ...rest } = parseDotenv(text)
    return { ...rest, problems: problems.map(toSentence), warnings: warnings.map(toSentence), isOpenToAll }
  } catch (error) {
    const { code, message } = toFileError(error)
    return code === 'ENOENT' || code === 'ENOTDIR' ? EMPTY : { ...EMPTY, problems: [toSentence(message)] }
  }
}

/** Merges the environment with the values of a file. An empty variable of either counts as unset. */
export function mergeVariables (environment: Environment, { values }: DotenvFile): Record<string, string> {
  const fromEnvironment = withoutEmpty(environment)
  const given = { ...withoutEmpty(Object.fromEntries(values)), ...fromEnvironment }
  // A secret in the environment, as a value or as a path, wins over its other form in the file.
  for (const name of ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET', 'CALLERS']) {
    if (name in fromEnvironment && !(`${name}_FILE` in fromEnvironment)) delete given[`${name}_FILE`]
    if (`${name}_FILE` in fromEnvironment && !(name in fromEnvironment)) delete given[name]
  }
  return given
}

/** Compose files and shells pass unset variables as empty ones. */
function withoutEmpty (environment: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''))
}
