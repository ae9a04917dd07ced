/**
 * The proxy in this process, on a free port, with its log in an array.
 */
import { createApp, type Dependencies } from '../../src/app.ts'
import { systemClock, type Clock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import type { App } from '../../src/lifecycle.ts'
import { createAccessLog } from '../../src/logging/access-log.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { createMasker } from '../../src/secrets/masker.ts'

/** The credentials of every proxy under test; long enough to be found by a grep, and never part of an ordinary word. */
export const CLIENT_ID = 'client-id-5f3a9c'
export const CLIENT_SECRET = 'client-secret-8d2e71b4'

export interface Proxy {
  /** e.g. `http://127.0.0.1:41234` */
  readonly origin: string
  readonly port: number
  /** Every log line so far, as written. */
  readonly lines: string[]
  /** The lines of relayed requests, parsed. */
  readonly accessLines: () => Array<Record<string, unknown>>
  /** Resolves once `count` requests have their line. */
  readonly untilLogged: (count: number) => Promise<void>
  readonly adminOrigin: string | undefined
  reload: () => void
  stop: () => Promise<void>
  /** What listens, and its routes. */
  readonly servers: App['servers']
}

/** Starts a proxy in front of `upstream`. `settings` are environment variables, `limits` what no setting changes. */
export async function startProxy (upstream: string, settings: Record<string, string> = {}, clock: Clock = systemClock, limits: Pick<Dependencies, 'headTimeoutMs' | 'nodeOptions'> = {}): Promise<Proxy> {
  const lines: string[] = []
  let onLine = (): void => {}
  const config = loadConfig({
    AMSU_CLIENT_ID: CLIENT_ID,
    AMSU_CLIENT_SECRET: CLIENT_SECRET,
    AMSU_BASE_URL: upstream,
    PORT: '0',
    LOG_LEVEL: 'trace',
    SHUTDOWN_GRACE_MS: '500',
    QUOTA_POLL_SECONDS: '0', // what reaches the upstream is what the test sent
    ...settings,
  }, '/nonexistent/.env')
  const masker = createMasker()
  const destination = { write (line: string) { lines.push(line); onLine() } }
  const logging = { level: config.logLevel, masker, destination }
  const log = createLogger(logging)
  const app = await createApp(config, { clock, random: Math.random, log, logOutcome: createAccessLog(logging), masker, build: { version: '0.0.0', node: 'v0.0.0' }, droppedLogLines: () => 0, ...limits })
  const { address: origin, adminAddress } = await app.open()

  function accessLines (): Array<Record<string, unknown>> {
    return lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(line => line['msg'] === 'request')
  }
  return {
    origin,
    port: origin.startsWith('unix:') ? 0 : Number(new URL(origin).port),
    lines,
    accessLines,
    async untilLogged (count) {
      await new Promise<void>(resolve => {
        onLine = () => { if (accessLines().length >= count) resolve() }
        onLine()
      })
    },
    adminOrigin: adminAddress,
    reload: app.reload,
    stop: app.stop,
    servers: app.servers,
  }
}
