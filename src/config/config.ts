/**
 * From the environment to one frozen object of typed slices, or to all that is wrong with it at once. A problem is named by its
 * setting and its rule; a value is never repeated, because it may be a secret in the wrong place.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { envSchema } from 'env-schema'
import type { LevelWithSilent } from 'pino'
import { ConfigError } from '../errors.ts'
import { Secret } from '../secrets/secret.ts'
import { unknownNames } from './nearest-name.ts'
import { settings, type Setting, type SettingName } from './settings.ts'

/** Hosts that are this machine: what goes there in clear stays here. */
const LOOPBACK = /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** How a number is written: env-schema alone would take blanks for 0, `0x10` for 16, and let `Infinity` past every bound. */
const DIGITS = /^\d{1,16}$/

/** The credentials AMSU issued. */
export interface CredentialsConfig { readonly clientId: Secret, readonly clientSecret: Secret }

/** Everything that can be set, in slices: a part is given its slice and knows no other. All durations are in milliseconds. */
export interface Config {
  readonly amsu: { readonly origin: string, readonly credentials: CredentialsConfig }
  readonly listener: { readonly host: string, readonly port: number }
  readonly token: { readonly tokenWaitMs: number, readonly requestTimeoutMs: number }
  readonly relay: {
    readonly connectTimeoutMs: number
    readonly responseTimeoutMs: number
    readonly idleTimeoutMs: number
    readonly maxConnections: number
    readonly maxBodyBytes: number
  }
  readonly shutdownGraceMs: number
  readonly logLevel: LevelWithSilent
  /** What works but may not be meant, as whole sentences for the log. */
  readonly warnings: readonly string[]
}

/** Values as the schema leaves them. */
type Values = Partial<Record<SettingName, string | number>>

/** The environment as the process has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the configuration.
 *
 * @param environment wins over the file
 * @param dotenvPath a `.env` file; it need not exist
 * @throws {ConfigError} with every problem there is
 */
export function loadConfig (environment: Environment, dotenvPath: string): Config {
  const problems: string[] = []
  const given = merge(readDotenv(dotenvPath, problems), withoutEmpty(environment))
  const values = validate(given, problems)
  const clientId = readSecret('AMSU_CLIENT_ID', values, problems)
  const clientSecret = readSecret('AMSU_CLIENT_SECRET', values, problems)
  const origin = readOrigin(values, problems)
  if (clientId === undefined || clientSecret === undefined || origin === undefined || problems.length > 0) throw new ConfigError([...problems, ...unknownNames(Object.keys(given))])

  const number = (name: SettingName): number => values[name] as number
  return Object.freeze({
    amsu: Object.freeze({ origin: origin.origin, credentials: Object.freeze({ clientId, clientSecret }) }),
    listener: Object.freeze({ host: String(values.HOST), port: number('PORT') }),
    token: Object.freeze({ tokenWaitMs: number('TOKEN_WAIT_MS'), requestTimeoutMs: number('TOKEN_REQUEST_TIMEOUT_MS') }),
    relay: Object.freeze({
      connectTimeoutMs: number('UPSTREAM_CONNECT_TIMEOUT_MS'),
      responseTimeoutMs: number('UPSTREAM_RESPONSE_TIMEOUT_MS'),
      idleTimeoutMs: number('UPSTREAM_IDLE_TIMEOUT_MS'),
      maxConnections: number('UPSTREAM_MAX_CONNECTIONS'),
      maxBodyBytes: number('MAX_BODY_BYTES'),
    }),
    shutdownGraceMs: number('SHUTDOWN_GRACE_MS'),
    logLevel: values.LOG_LEVEL as LevelWithSilent,
    warnings: Object.freeze([...unknownNames(Object.keys(given)), ...transportWarnings(origin)]),
  })
}

/** A secret in one form in the environment wins over its other form in the file. */
function merge (fromFile: Record<string, string>, fromEnvironment: Record<string, string>): Record<string, string> {
  const given = { ...fromFile, ...fromEnvironment }
  for (const name of ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET']) {
    if (name in fromEnvironment && !(`${name}_FILE` in fromEnvironment)) delete given[`${name}_FILE`]
    if (`${name}_FILE` in fromEnvironment && !(name in fromEnvironment)) delete given[name]
  }
  return given
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

/** Checks types and ranges and fills in defaults; what does not hold is reported and left out. */
function validate (given: Record<string, string>, problems: string[]): Values {
  const data: Record<string, string> = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(settings, name)))
  for (const [name, text] of Object.entries(data)) {
    if (settings[name as SettingName].type !== 'integer' || DIGITS.test(text)) continue
    problems.push(problem(name as SettingName))
    delete data[name]
  }
  for (;;) {
    try {
      return envSchema<Values>({ schema: jsonSchema(), data, env: false })
    } catch (error) {
      const names = new Set(schemaErrors(error).map(({ instancePath }) => instancePath.slice(1)))
      if (names.size === 0) throw error
      for (const name of names) {
        problems.push(problem(name as SettingName))
        delete data[name]
      }
    }
  }
}

/** The table of settings as a JSON schema. */
function jsonSchema (): object {
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

function problem (name: SettingName): string {
  return `${name} must be ${settings[name].rule}`
}

/** Reads a secret from its variable or its file; exactly one must be there. */
function readSecret (name: 'AMSU_CLIENT_ID' | 'AMSU_CLIENT_SECRET', values: Values, problems: string[]): Secret | undefined {
  const value = values[name]
  const path = values[`${name}_FILE`]
  if ((value === undefined) === (path === undefined)) {
    problems.push(problem(name))
    return undefined
  }
  if (value !== undefined && String(value).trim() !== '') return new Secret(String(value))
  if (path === undefined) {
    problems.push(problem(name))
    return undefined
  }
  try {
    const content = readText(String(path)).replace(/\r?\n$/, '')
    if (content.trim() !== '') return new Secret(content)
    problems.push(`${name}_FILE names an empty file`)
  } catch (error) {
    problems.push(`${name}_FILE can not be read (${systemCode(error)})`)
  }
  return undefined
}

function readOrigin (values: Values, problems: string[]): URL | undefined {
  const text = String(values.AMSU_BASE_URL)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (isOrigin) return url
  problems.push(problem('AMSU_BASE_URL'))
  return undefined
}

function transportWarnings (origin: URL): string[] {
  return origin.protocol === 'http:' && !LOOPBACK.test(origin.hostname)
    ? ['AMSU_BASE_URL is plain http: the app secret, the tokens and all data cross the network in clear']
    : []
}

/** Reads a text file without the byte order mark some editors put before it. */
function readText (path: string): string {
  return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
}

/** A system error's code, which holds no path and no content. */
function systemCode (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
}
