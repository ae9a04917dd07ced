/**
 * Takes the given variables to checked values: types, ranges and defaults by env-schema, and what a schema can not say.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { envSchema } from 'env-schema'
import { settings, type Setting, type SettingName } from './settings.ts'

/** How a number is written: env-schema alone would take blanks for 0, `0x10` for 16, and let `Infinity` past every bound. */
const DIGITS = /^\d{1,16}$/

/** The environment as the process has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Values as the schema leaves them. */
export type Values = Partial<Record<SettingName, string | number | boolean>>

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

/** Checks types and ranges and fills in defaults; what does not hold is reported and left out. */
export function validate (given: Readonly<Record<string, string>>, problems: string[]): Values {
  const data = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(settings, name)))
  const report = (name: SettingName): void => {
    problems.push(problem(name))
    delete data[name]
  }
  for (const [name, text] of Object.entries(data) as Array<[SettingName, string]>) {
    if (settings[name].type === 'integer' && !DIGITS.test(text)) report(name)
  }
  for (;;) {
    try {
      return envSchema<Values>({ schema: jsonSchema(), data, env: false })
    } catch (error) {
      const names = new Set(schemaErrors(error).map(({ instancePath }) => instancePath.slice(1)))
      if (names.size === 0) throw error
      for (const name of names) report(name as SettingName)
    }
  }
}

/** The sentence that says what a setting must be. */
export function problem (name: SettingName): string {
  return `${name} must be ${settings[name].rule}`
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

/** The table of settings as a JSON schema. */
export function jsonSchema (): object {
  const properties = Object.fromEntries(Object.entries<Setting>(settings).map(([name, { type, default: value, minimum, maximum, values }]) => [name, {
    type,
    ...(value === undefined ? {} : { default: value }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(values === undefined ? {} : { enum: values }),
  }]))
  return { type: 'object', properties }
}

function schemaErrors (error: unknown): Array<{ instancePath: string }> {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
}
