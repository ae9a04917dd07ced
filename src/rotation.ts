/**
 * Rotation: reloads the files of secrets, callers and certificates while the program runs. An invalid change (an unreadable file, an
 * invalid line, a key that does not match, credentials that AMSU rejects) is logged, and the previous values stay in use.
 */
import type { Logger } from 'pino'
import type { Credentials } from './amsu/token-api.ts'
import { weakSecretWarnings, type Caller } from './callers/caller-list.ts'
import { readCallersFile } from './config/callers-file.ts'
import type { Config } from './config/config.ts'
import { watchFiles } from './config/file-watch.ts'
import { SettingFiles, type Fingerprints } from './config/setting-files.ts'
import { readAuthority, readTls, type TlsConfig } from './config/tls-files.ts'
import type { Secret } from './secrets/secret.ts'

/** The receivers of changes. */
export interface RotationTargets {
  /** Returns whether the credentials are tried; those already in use are not. */
  readonly onCredentials: (credentials: Credentials) => boolean
  readonly onCallers: (callers: readonly Caller[]) => void
  readonly onTls: (tls: TlsConfig) => void
  readonly onCertificateAuthority: (pem: string) => void
}

/** Files that are read together, and how they are applied. */
interface Group<T> {
  readonly paths: ReadonlyArray<string | undefined>
  /** Reads the files. If one is invalid, returns undefined and adds problems. */
  readonly read: (files: SettingFiles, problems: string[], isRequested: boolean) => T | undefined
  /** Applies the value if it has changed. `isRequested`: a SIGHUP requested it. */
  readonly apply: (value: T, isRequested: boolean) => void
  /** The log message if a file is invalid. */
  readonly failureMessage: string
}

/** Watches all files that can change. It reads none before a change. */
export class Rotation {
  readonly #config: Config
  readonly #targets: RotationTargets
  readonly #log: Logger
  readonly #reloads: Array<() => void> = []
  readonly #closeWatches: Array<() => void> = []
  /** The values that the targets received last. */
  #credentials: Credentials
  #callers: readonly Caller[]
  #tls: TlsConfig | undefined
  #certificateAuthority: string | undefined

  constructor (config: Config, targets: RotationTargets, log: Logger) {
    this.#config = config
    this.#targets = targets
    this.#log = log
    this.#credentials = config.amsu.credentials
    this.#callers = config.callers ?? []
    this.#tls = config.listener.tls
    this.#certificateAuthority = config.amsu.certificateAuthority
    this.#watchCredentials()
    this.#watchCallers()
    this.#watchTls()
    this.#watchAuthority()
  }

  /** Reads all files again now (SIGHUP). Credentials that AMSU rejected are tried once more, because AMSU may not have known them yet. */
  reload (): void {
    for (const reload of this.#reloads) reload()
  }

  /** Stops watching. */
  close (): void {
    for (const close of this.#closeWatches) close()
  }

  #watchCredentials (): void {
    const { clientId, clientSecret } = this.#config.files
    this.#watch<Credentials>({
      paths: [clientId, clientSecret].filter(path => this.#isWatched(path)),
      read: (files, problems, isRequested) => {
        const next = {
          clientId: this.#readSecret('AMSU_CLIENT_ID_FILE', clientId, files, problems) ?? this.#credentials.clientId,
          clientSecret: this.#readSecret('AMSU_CLIENT_SECRET_FILE', clientSecret, files, problems) ?? this.#credentials.clientSecret,
        }
        // AMSU rejects an ID and a secret of two accounts, so a half-updated pair is tried only on request.
        return problems.length === 0 || isRequested ? next : undefined
      },
      apply: (next, isRequested) => {
        const isSame = isEqual(next.clientId, this.#credentials.clientId) && isEqual(next.clientSecret, this.#credentials.clientSecret)
        if (isSame && !isRequested) return
        this.#credentials = next
        const isTried = this.#targets.onCredentials(next)
        if (isTried) this.#log.info(isSame ? 'the proxy tries the AMSU credentials again' : 'the AMSU credentials have changed, the proxy tries them')
        else if (!isSame) this.#log.info('the AMSU credentials are the ones in use again')
      },
      failureMessage: 'a secret file cannot be used, the old value stays in use',
    })
  }

  #readSecret (name: string, path: string | undefined, files: SettingFiles, problems: string[]): Secret | undefined {
    return path !== undefined && this.#isWatched(path) ? files.readSecret(name, path, problems) : undefined
  }

  #watchCallers (): void {
    const { callers: path } = this.#config.files
    this.#watch<readonly Caller[]>({
      paths: [path],
      read: (files, problems) => readCallersFile(String(path), problems, files),
      apply: callers => {
        if (areSameCallers(callers, this.#callers)) return
        this.#callers = callers
        this.#targets.onCallers(callers)
        this.#log.info({ callers: callers.map(({ name }) => name) }, 'the callers have been read again')
        for (const warning of weakSecretWarnings(callers)) this.#log.warn(warning)
      },
      failureMessage: 'the callers file cannot be used, the old callers stay in use',
    })
  }

  #watchTls (): void {
    const { certPath, keyPath } = this.#tls ?? {}
    this.#watch<TlsConfig>({
      paths: [certPath, keyPath],
      read: (files, problems) => readTls(certPath, keyPath, problems, files),
      apply: (tls, isRequested) => {
        const isSame = this.#tls !== undefined && tls.cert === this.#tls.cert && isEqual(tls.key, this.#tls.key)
        if (isSame && !isRequested) return
        this.#tls = tls
        this.#targets.onTls(tls)
        this.#log.info('the certificate has been read again')
      },
      failureMessage: 'the new certificate cannot be used, the old one stays in use',
    })
  }

  #watchAuthority (): void {
    const { certificateAuthority: path } = this.#config.files
    this.#watch<string>({
      paths: [path],
      read: (files, problems) => readAuthority(path, problems, files),
      apply: pem => {
        if (pem === this.#certificateAuthority) return
        this.#certificateAuthority = pem
        this.#targets.onCertificateAuthority(pem)
        this.#log.info('the certificate authorities for AMSU have been read again, for connections made from now on')
      },
      failureMessage: 'the new certificate authorities cannot be used, the old ones stay in use',
    })
  }

  /** Watches a group if all its paths name files that can be read again. */
  #watch<T> ({ paths, read, apply, failureMessage }: Group<T>): void {
    const watched = paths.filter(path => this.#isWatched(path))
    if (watched.length === 0 || watched.length < paths.length) return
    let logged = ''
    const reload = (isRequested: boolean): Fingerprints | undefined => {
      const files = new SettingFiles()
      const problems: string[] = []
      const value = read(files, problems, isRequested)
      const found = problems.join('\n')
      // The watcher reads an invalid file every second, and logs the same problem once.
      if (found !== '' && (isRequested || found !== logged)) this.#log.error({ problems }, failureMessage)
      logged = found
      if (value !== undefined) apply(value, isRequested)
      return found === '' ? files.seen : undefined
    }
    const { seen } = this.#config.files
    this.#reloads.push(() => { reload(true) })
    this.#closeWatches.push(watchFiles(Object.fromEntries(watched.map(path => [path, seen[path] ?? ''])), () => reload(false)))
  }

  /** Whether a path is watched. A FIFO and a value from the environment cannot change. */
  #isWatched = (path: string | undefined): path is string => path !== undefined && this.#config.files.seen[path] !== undefined
}

function isEqual (a: Secret, b: Secret): boolean {
  return a.reveal() === b.reveal()
}

function areSameCallers (a: readonly Caller[], b: readonly Caller[]): boolean {
  return a.length === b.length && a.every(({ name, secret }, i) => name === b[i]?.name && isEqual(secret, b[i].secret))
}
