/**
 * Configuration: reads the environment and `.env` into one frozen object of typed slices, or reports all configuration errors
 * together. An error names the setting and its rule, never the value, because the value may be a secret in the wrong place.
 */
import type { LevelWithSilent } from 'pino'
import { parseCallers, weakSecretWarnings, type Caller } from '../callers/caller-list.ts'
import { ConfigError } from '../errors.ts'
import { parseRoutes, type AllowedRoute } from '../guards/allowed-routes.ts'
import { Secret } from '../secrets/secret.ts'
import { parseForwardProxy, type ForwardProxy } from '../upstream/forward-proxy.ts'
import { isLoopback, isSameHost, readHosts, readOrigin, readOrigins } from './addresses.ts'
import { readCallersFile } from './callers-file.ts'
import { effectiveSettings, type EffectiveSetting } from './effective-settings.ts'
import { unknownNames, unknownNamesInFile } from './nearest-name.ts'
import { readPipes } from './pipes.ts'
import { controlProblem, hasControlCharacter, SettingFiles, type Fingerprints } from './setting-files.ts'
import { secretSettings, type SettingName } from './settings.ts'
import { readAuthority, readTls, type TlsConfig } from './tls-files.ts'
import { problem, validate, type Values } from './validation.ts'
import { mergeVariables, readDotenv, type DotenvFile, type Environment, type Pipes } from './variables.ts'

export type { Environment } from './variables.ts'

/** A listener on an address. */
export interface TcpListenerConfig { readonly host: string, readonly port: number }

/** A listener on an address, or on a unix socket. */
export type ListenerConfig = TcpListenerConfig | { readonly path: string }

/** All settings, in slices: each component receives its own slice only. All durations are in milliseconds. */
export interface Config {
  readonly amsu: {
    readonly origin: string
    /** The name to look up: that of the origin, or the same with a final dot. */
    readonly lookupName: string
    /** The credentials AMSU issued. */
    readonly credentials: { readonly clientId: Secret, readonly clientSecret: Secret }
    readonly certificateAuthority: string | undefined
    readonly forwardProxy: ForwardProxy | undefined
  }
  readonly listener: ListenerConfig & { readonly tls: TlsConfig | undefined }
  readonly adminListener: TcpListenerConfig | undefined
  /** Undefined: open access. */
  readonly callers: readonly Caller[] | undefined
  readonly guard: { readonly allowedHosts: readonly string[], readonly allowedOrigins: readonly string[] }
  readonly allowedRoutes: readonly AllowedRoute[] | undefined
  readonly token: { readonly tokenWaitMs: number, readonly requestTimeoutMs: number }
  readonly relay: {
    readonly connectTimeoutMs: number
    readonly responseTimeoutMs: number
    readonly idleTimeoutMs: number
    readonly maxConnections: number
    readonly maxBodyBytes: number
    readonly replayBodyBytes: number
    readonly maxInFlight: number
  }
  readonly quota: { readonly pollMs: number }
  /** Paths of files that can change while the program runs. */
  readonly files: {
    readonly clientId: string | undefined
    readonly clientSecret: string | undefined
    readonly callers: string | undefined
    readonly certificateAuthority: string | undefined
    /** The fingerprint of each file when it was read, the listener's certificate included. A FIFO has no entry, because it cannot be read again. */
    readonly seen: Fingerprints
  }
  readonly shutdownGraceMs: number
  readonly logLevel: LevelWithSilent
  /** The settings in effect, for people; without secrets. */
  readonly effective: readonly EffectiveSetting[]
  /** Warnings about valid but probably unintended settings, as complete sentences for the log. */
  readonly warnings: readonly string[]
}

/**
 * Reads the configuration at start. It also reads FIFOs, and waits for their writers.
 *
 * @param environment wins over the file
 * @param dotenvPath a `.env` file; it need not exist
 * @throws {ConfigError} with every problem there is
 */
export async function loadConfigAtStart (environment: Environment, dotenvPath: string): Promise<Config> {
  return loadConfig(environment, dotenvPath, await readPipes(environment, dotenvPath))
}

/**
 * Reads the configuration without waiting.
 *
 * @param environment wins over the file
 * @param dotenvPath a `.env` file; it need not exist
 * @param pipes the contents of FIFOs that were read; any other FIFO is an error. @default none
 * @throws {ConfigError} with every problem there is
 */
export function loadConfig (environment: Environment, dotenvPath: string, pipes: Pipes = new Map()): Config {
  const dotenv = readDotenv(dotenvPath, pipes)
  const files = new SettingFiles(pipes)
  const problems = [...dotenv.problems]
  const given = mergeVariables(environment, dotenv)
  const values = validate(given, problems)
  const text = (name: SettingName): string | undefined => values[name] === undefined ? undefined : String(values[name])
  const number = (name: SettingName): number => values[name] as number

  const clientId = readSecret('AMSU_CLIENT_ID', values, problems, files)
  const clientSecret = readSecret('AMSU_CLIENT_SECRET', values, problems, files)
  const origin = readOrigin(text('AMSU_BASE_URL'), problems)
  const certificateAuthority = readAuthority(text('AMSU_CA_FILE'), problems, files)
  const forwardProxy = readForwardProxy(text('AMSU_HTTP_PROXY'), problems)
  const tls = readTls(text('TLS_CERT_FILE'), text('TLS_KEY_FILE'), problems, files)
  const callers = readCallers(values, problems, files)
  const [allowedHosts, allowedOrigins, allowedRoutes] = [readHosts(text('ALLOWED_HOSTS'), problems), readOrigins(text('ALLOWED_ORIGINS'), problems), readRoutes(text('ALLOWED_ROUTES'), problems)]
  const listener = text('UNIX_SOCKET') === undefined ? { host: text('HOST') ?? '', port: number('PORT') } : { path: text('UNIX_SOCKET') as string }
  if ('host' in listener && callers === undefined && values.ALLOW_OPEN_ACCESS !== true) problems.push(...openAccessProblems(listener.host))
  const adminListener = readAdminListener(values, listener, problems)
  if (clientId === undefined || clientSecret === undefined || origin === undefined || problems.length > 0) {
    throw new ConfigError([...problems, ...nameWarnings(environment, dotenvPath, dotenv)])
  }

  return deepFreeze({
    amsu: { origin: origin.url.origin, lookupName: origin.lookupName, credentials: { clientId, clientSecret }, certificateAuthority, forwardProxy },
    listener: { ...listener, tls },
    adminListener,
    callers,
    guard: { allowedHosts, allowedOrigins },
    allowedRoutes,
    token: { tokenWaitMs: number('TOKEN_WAIT_MS'), requestTimeoutMs: number('TOKEN_REQUEST_TIMEOUT_MS') },
    relay: relaySlice(number),
    quota: { pollMs: number('QUOTA_POLL_SECONDS') * 1000 },
    files: { clientId: text('AMSU_CLIENT_ID_FILE'), clientSecret: text('AMSU_CLIENT_SECRET_FILE'), callers: text('CALLERS_FILE'), certificateAuthority: text('AMSU_CA_FILE'), seen: files.seen },
    shutdownGraceMs: number('SHUTDOWN_GRACE_MS'),
    logLevel: values.LOG_LEVEL as LevelWithSilent,
    effective: effectiveSettings(values, new Set(Object.keys(given))),
    warnings: [...nameWarnings(environment, dotenvPath, dotenv), ...transportWarnings(origin.url), ...fileWarnings(files, dotenvPath, dotenv), ...weakSecretWarnings(callers ?? [])],
  })
}

/** Reads where the admin listener listens. Port 0 is a free port, another one for each listener. */
function readAdminListener ({ ADMIN_HOST: host, ADMIN_PORT: port }: Values, main: ListenerConfig, problems: string[]): TcpListenerConfig | undefined {
  if (port === undefined) return undefined
  const admin = { host: String(host), port: Number(port) }
  if ('port' in main && main.port !== 0 && main.port === admin.port && isSameHost(main.host, admin.host)) problems.push('ADMIN_PORT must be another port than PORT, because HOST and ADMIN_HOST are the same host')
  return admin
}

function openAccessProblems (host: string): string[] {
  if (isLoopback(host)) return []
  return ['HOST is not a loopback address, so anybody who reaches it could spend AMSU calls: set CALLERS (or CALLERS_FILE) to the local credentials of your apps, or ALLOW_OPEN_ACCESS=true if the network admits only your apps']
}

function relaySlice (number: (name: SettingName) => number): Config['relay'] {
  return {
    connectTimeoutMs: number('UPSTREAM_CONNECT_TIMEOUT_MS'),
    responseTimeoutMs: number('UPSTREAM_RESPONSE_TIMEOUT_MS'),
    idleTimeoutMs: number('UPSTREAM_IDLE_TIMEOUT_MS'),
    maxConnections: number('UPSTREAM_MAX_CONNECTIONS'),
    maxBodyBytes: number('MAX_BODY_BYTES'),
    replayBodyBytes: number('REPLAY_BODY_BYTES'),
    maxInFlight: number('MAX_IN_FLIGHT'),
  }
}

/** Reads a secret from its variable or its file; exactly one must be set. */
function readSecret (name: 'AMSU_CLIENT_ID' | 'AMSU_CLIENT_SECRET', values: Values, problems: string[], files: SettingFiles): Secret | undefined {
  const value = values[name]
  const path = values[`${name}_FILE`]
  const isBlank = value !== undefined && String(value).trim() === ''
  if ((value === undefined) === (path === undefined) || isBlank) {
    problems.push(problem(name))
    return undefined
  }
  if (value === undefined) return files.readSecret(`${name}_FILE`, String(path), problems)
  if (!hasControlCharacter(String(value))) return new Secret(String(value))
  problems.push(controlProblem(name))
  return undefined
}

/** Reads the callers from the variable or the file; undefined means open access. */
function readCallers (values: Values, problems: string[], files: SettingFiles): readonly Caller[] | undefined {
  const { CALLERS: inline, CALLERS_FILE: path } = values
  if (inline === undefined && path === undefined) return undefined
  if (inline !== undefined && path !== undefined) {
    problems.push(problem('CALLERS'))
    return undefined
  }
  if (inline === undefined) return readCallersFile(String(path), problems, files) ?? []
  const parsed = parseCallers(String(inline))
  if ('callers' in parsed) return parsed.callers
  problems.push(...parsed.problems)
  return []
}

function readForwardProxy (text: string | undefined, problems: string[]): ForwardProxy | undefined {
  if (text === undefined) return undefined
  const forwardProxy = parseForwardProxy(text)
  // The raw text is checked too, because a URL parser silently drops line breaks and tabs.
  if (hasControlCharacter(text) || hasControlCharacter(percentDecoded(text))) problems.push(controlProblem('AMSU_HTTP_PROXY'))
  else if (forwardProxy === undefined) problems.push(problem('AMSU_HTTP_PROXY'))
  return forwardProxy
}

function percentDecoded (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // an invalid percent-encoding is reported as an invalid URL
  }
}

function readRoutes (text: string | undefined, problems: string[]): readonly AllowedRoute[] | undefined {
  if (text === undefined) return undefined
  const routes = parseRoutes(text)
  if (routes === undefined) problems.push(problem('ALLOWED_ROUTES'))
  return routes
}

function transportWarnings (origin: URL): string[] {
  return origin.protocol === 'http:' && !isLoopback(origin.hostname)
    ? ['AMSU_BASE_URL is plain http: the app secret, the tokens and all data cross the network unencrypted']
    : []
}

/** Warns of names that are not settings: in the environment those with our prefix, in the file all, because the file is ours. */
function nameWarnings (environment: Environment, dotenvPath: string, { lineOf, warnings }: DotenvFile): string[] {
  return [...unknownNames(Object.keys(environment).filter(name => !lineOf.has(name) && (environment[name] ?? '') !== '')), ...unknownNamesInFile(dotenvPath, lineOf), ...warnings]
}

/** Warns of files with loose permissions and of FIFOs. Certificates are public, and the app_key alone is not a secret. */
function fileWarnings ({ openToAll, pipeNames }: SettingFiles, dotenvPath: string, dotenv: DotenvFile): string[] {
  const names: string[] = (['AMSU_CLIENT_SECRET_FILE', 'CALLERS_FILE', 'TLS_KEY_FILE'] as const).filter(name => openToAll.includes(name))
  if (dotenv.isOpenToAll && secretSettings.some(name => name !== 'AMSU_CLIENT_ID' && (dotenv.values.get(name) ?? '') !== '')) names.push(dotenvPath)
  return [
    ...(names.length === 0 ? [] : [`${names.join(', ')}: every user of this machine can read or change the file; run chmod o-rw, or mount the secret with mode 0440, unless this program runs alone here`]),
    ...(pipeNames.length === 0 ? [] : [`${pipeNames.join(', ')}: the file is a FIFO, which is read only once; restart the proxy after a change`]),
  ]
}

function deepFreeze<T extends object> (value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null && !Object.isFrozen(part)) deepFreeze(part as object)
  }
  return Object.freeze(value)
}
