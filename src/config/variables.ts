/**
 * The given variables, before anything is judged: the environment, and a `.env` file below it. Apart from validation.ts because
 * `healthcheck` runs every few seconds and needs three of them, and no schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** The environment as the process has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Merges the environment with a `.env` file.
 *
 * @param environment wins over the file
 * @param path the file; it need not exist
 */
export function readVariables (environment: Environment, path: string, problems: string[]): Record<string, string> {
  const fromEnvironment = withoutEmpty(environment)
  const given = { ...readDotenv(path, problems), ...fromEnvironment }
  // One form of a secret in the environment wins over its other form in the file.
  for (const name of ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET', 'CALLERS']) {
    if (name in fromEnvironment && !(`${name}_FILE` in fromEnvironment)) delete given[`${name}_FILE`]
    if (`${name}_FILE` in fromEnvironment && !(name in fromEnvironment)) delete given[name]
  }
  return given
}

/** Reads a text file without the byte order mark some editors put before it. */
export function readText (path: string): string {
  return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
}

/** A system error's code, which holds no path and no content. */
export function systemCode (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
}

/** Compose files and shells pass unset variables as empty ones. */
function withoutEmpty (environment: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''))
}

function readDotenv (path: string, problems: string[]): Record<string, string> {
  if (!existsSync(path)) return {}
  try {
    return withoutEmpty(parseEnv(readText(path)) as Environment)
  } catch (error) {
    problems.push(`.env can not be read (${systemCode(error)})`)
    return {}
  }
}
