/**
 * What changes while the program runs: files that hold secrets, callers and certificates. A change that does not hold (a broken
 * line, a key that does not fit, credentials AMSU refuses) is logged and leaves everything as it was.
 */
import type { Logger } from 'pino'
import { parseCallersFile, weakSecretWarnings, type Caller } from './callers/caller-list.ts'
import type { Config } from './config/config.ts'
import { readSecretFile, watchFiles } from './config/secret-file.ts'
import { readTls, type TlsConfig } from './config/tls-files.ts'
import { readText, systemCode } from './config/variables.ts'
import type { Secret } from './secrets/secret.ts'
import type { Credentials } from './token/amsu-token-api.ts'

/** Who is told of a change. */
export interface RotationTargets {
  readonly onCredentials: (credentials: Credentials) => void
  readonly onCallers: (callers: readonly Caller[]) => void
  readonly onTls: (tls: TlsConfig) => void
}

/** The watch over everything that can change. Nothing is read before something changes. */
export class Rotation {
  readonly #config: Config
  readonly #targets: RotationTargets
  readonly #log: Logger
  readonly #closeWatches: Array<() => void>
  #credentials: Credentials
  #callersText: string | undefined

  constructor (config: Config, targets: RotationTargets, log: Logger) {
    const { files, listener: { tls } } = config
    this.#config = config
    this.#targets = targets
    this.#log = log
    this.#credentials = config.amsu.credentials
    this.#closeWatches = [
      watchFiles(given(files.clientId, files.clientSecret), () => { this.#reloadCredentials() }),
      watchFiles(given(files.callers), () => { this.#reloadCallers() }),
      watchFiles(given(tls?.certPath, tls?.keyPath), () => { this.#reloadTls() }),
    ]
  }

  /** Reads everything again now (SIGHUP). Credentials that came later are tried once more: AMSU may have refused them before it knew them. */
  reload (): void {
    this.#reloadCredentials(this.#credentials !== this.#config.amsu.credentials)
    this.#reloadCallers()
    this.#reloadTls()
  }

  /** Ends the watch. */
  close (): void {
    for (const close of this.#closeWatches) close()
  }

  #reloadCredentials (isTriedAgain = false): void {
    const { clientId, clientSecret } = this.#credentials
    const next = { clientId: this.#latest('clientId', clientId), clientSecret: this.#latest('clientSecret', clientSecret) }
    const isSame = next.clientId.reveal() === clientId.reveal() && next.clientSecret.reveal() === clientSecret.reveal()
    if (isSame && !isTriedAgain) return
    this.#credentials = next
    this.#log.info(isSame ? 'trying the AMSU credentials again' : 'the AMSU credentials have changed, trying them')
    this.#targets.onCredentials(next)
  }

  #latest (which: 'clientId' | 'clientSecret', current: Secret): Secret {
    const path = this.#config.files[which]
    if (path === undefined) return current
    const content = readSecretFile(which === 'clientId' ? 'AMSU_CLIENT_ID_FILE' : 'AMSU_CLIENT_SECRET_FILE', path)
    if ('secret' in content) return content.secret
    this.#log.error({ problem: content.problem }, 'a secret file can not be used, the old value stays')
    return current
  }

  #reloadCallers (): void {
    const path = this.#config.files.callers
    if (path === undefined) return
    try {
      const text = readText(path)
      if (text === this.#callersText) return
      const list = parseCallersFile(text)
      if ('problems' in list) {
        this.#log.error({ problems: list.problems }, 'the callers file can not be used, the old callers stay')
        return
      }
      this.#callersText = text
      this.#targets.onCallers(list.callers)
      this.#log.info({ callers: list.callers.map(({ name }) => name) }, 'the callers have been read again')
      for (const warning of weakSecretWarnings(list.callers)) this.#log.warn(warning)
    } catch (error) {
      this.#log.error({ problem: `CALLERS_FILE can not be read (${systemCode(error)})` }, 'the callers file can not be used, the old callers stay')
    }
  }

  #reloadTls (): void {
    const { tls } = this.#config.listener
    if (tls === undefined) return
    const problems: string[] = []
    const next = readTls(tls.certPath, tls.keyPath, problems)
    if (next === undefined) {
      this.#log.error({ problems }, 'the new certificate can not be used, the old one stays')
      return
    }
    this.#targets.onTls(next)
    this.#log.info('the certificate has been read again')
  }
}

function given (...paths: Array<string | undefined>): string[] {
  return paths.filter(path => path !== undefined)
}
