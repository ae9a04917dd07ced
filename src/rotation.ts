/**
 * What changes while the program runs: files that hold secrets, callers and certificates. A change that does not hold (a file that
 * can not be read, a broken line, a key that does not fit, credentials AMSU refuses) is logged and leaves everything as it was.
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

/** Who is told of a change. */
export interface RotationTargets {
  /** Returns whether they are tried: AMSU may know them already. */
  readonly onCredentials: (credentials: Credentials) => boolean
  readonly onCallers: (callers: readonly Caller[]) => void
  readonly onTls: (tls: TlsConfig) => void
  readonly onCertificateAuthority: (pem: string) => void
}

/** Files that are read together, and what becomes of them. */
interface Group<T> {
  readonly paths: ReadonlyArray<string | undefined>
  /** Reads them; undefined, and problems, when they do not hold. */
  readonly read: (files: SettingFiles, problems: string[], isAsked: boolean) => T | undefined
  /** Hands on what was read if it has changed. `isAsked`: somebody wants it done now. */
  readonly apply: (value: T, isAsked: boolean) => void
  /** What the log says when they do not hold. */
  readonly failureMessage: string
}

/** The watch over everything that can change. Nothing is read before something changes. */
export class Rotation {
  readonly #config: Config
  readonly #targets: RotationTargets
  readonly #log: Logger
  readonly #reloads: Array<() => void> = []
  readonly #closeWatches: Array<() => void> = []
  /** What the targets were told last. */
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

  /** Reads everything again now (SIGHUP). Credentials AMSU refused are tried once more: it may not have known them yet. */
  reload (): void {
    for (const reload of this.#reloads) reload()
  }

  /** Ends the watch. */
  close (): void {
    for (const close of this.#closeWatches) close()
  }

  #watchCredentials (): void {
    const { clientId, clientSecret } = this.#config.files
    this.#watch<Credentials>({
      paths: [clientId, clientSecret].filter(path => this.#isWatched(path)),
      read: (files, problems, isAsked) => {
        const next = {
          clientId: this.#readSecret('AMSU_CLIENT_ID_FILE', clientId, files, problems) ?? this.#credentials.clientId,
          clientSecret: this.#readSecret('AMSU_CLIENT_SECRET_FILE', clientSecret, files, problems) ?? this.#credentials.clientSecret,
        }
        // An id and a secret of two accounts are refused, so half a pair is tried only when somebody asks for it.
        return problems.length === 0 || isAsked ? next : undefined
      },
      apply: (next, isAsked) => {
        const isSame = isEqual(next.clientId, this.#credentials.clientId) && isEqual(next.clientSecret, this.#credentials.clientSecret)
        if (isSame && !isAsked) return
        this.#credentials = next
        const isTried = this.#targets.onCredentials(next)
        if (isTried) this.#log.info(isSame ? 'trying the AMSU credentials again' : 'the AMSU credentials have changed, trying them')
        else if (!isSame) this.#log.info('the AMSU credentials are those in use again')
      },
      failureMessage: 'a secret file can not be used, the old value stays',
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
      failureMessage: 'the callers file can not be used, the old callers stay',
    })
  }

  #watchTls (): void {
    const { certPath, keyPath } = this.#tls ?? {}
    this.#watch<TlsConfig>({
      paths: [certPath, keyPath],
      read: (files, problems) => readTls(certPath, keyPath, problems, files),
      apply: (tls, isAsked) => {
        const isSame = this.#tls !== undefined && tls.cert === this.#tls.cert && isEqual(tls.key, this.#tls.key)
        if (isSame && !isAsked) return
        this.#tls = tls
        this.#targets.onTls(tls)
        this.#log.info('the certificate has been read again')
      },
      failureMessage: 'the new certificate can not be used, the old one stays',
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
      failureMessage: 'the new certificate authorities can not be used, the old ones stay',
    })
  }

  /** Watches a group whose paths all name files that can be read again. */
  #watch<T> ({ paths, read, apply, failureMessage }: Group<T>): void {
    const watched = paths.filter(path => this.#isWatched(path))
    if (watched.length === 0 || watched.length < paths.length) return
    let logged = ''
    const reload = (isAsked: boolean): Fingerprints | undefined => {
      const files = new SettingFiles()
      const problems: string[] = []
      const value = read(files, problems, isAsked)
      const found = problems.join('\n')
      // The watch reads what does not hold every second, and says so once.
      if (found !== '' && (isAsked || found !== logged)) this.#log.error({ problems }, failureMessage)
      logged = found
      if (value !== undefined) apply(value, isAsked)
      return found === '' ? files.seen : undefined
    }
    const { seen } = this.#config.files
    this.#reloads.push(() => { reload(true) })
    this.#closeWatches.push(watchFiles(Object.fromEntries(watched.map(path => [path, seen[path] ?? ''])), () => reload(false)))
  }

  /** A FIFO and what comes from the environment can not change. */
  #isWatched = (path: string | undefined): path is string => path !== undefined && this.#config.files.seen[path] !== undefined
}

function isEqual (a: Secret, b: Secret): boolean {
  return a.reveal() === b.reveal()
}

function areSameCallers (a: readonly Caller[], b: readonly Caller[]): boolean {
  return a.length === b.length && a.every(({ name, secret }, i) => name === b[i]?.name && isEqual(secret, b[i].secret))
}
