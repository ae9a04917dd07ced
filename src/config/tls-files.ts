/**
 * The certificate and key this proxy shows to its callers.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import type tls from 'node:tls'
import { Secret } from '../secrets/secret.ts'
import { SettingFiles, withPath } from './setting-files.ts'
import { problem } from './validation.ts'

/** Loads Node's TLS only where there is a pair to be tried: that costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** The certificates of a PEM text; one without its end is read to the end of the text (RFC 7468 section 2). */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g

/** A pair that was found to fit, and where it came from. */
export interface TlsConfig {
  readonly cert: string
  readonly key: Secret
  readonly certPath: string
  readonly keyPath: string
}

/** Reads the pair; undefined without a path, or with a problem when it can not be served. */
export function readTls (certPath: string | undefined, keyPath: string | undefined, problems: string[], files = new SettingFiles()): TlsConfig | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath === undefined || keyPath === undefined) {
    problems.push(problem(certPath === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE'))
    return undefined
  }
  const cert = files.readFilled('TLS_CERT_FILE', certPath, problems)
  const key = files.readFilled('TLS_KEY_FILE', keyPath, problems)
  if (cert === undefined || key === undefined) return undefined
  const pair = { cert, key: new Secret(key), certPath, keyPath }
  if (isPair(pair)) return pair
  problems.push(withPath(problem('TLS_KEY_FILE'), keyPath))
  return undefined
}

/** Reads certificate authorities; undefined without a path, or with a problem when they can not all be read. */
export function readAuthority (path: string | undefined, problems: string[], files = new SettingFiles()): string | undefined {
  if (path === undefined) return undefined
  const pem = files.readFilled('AMSU_CA_FILE', path, problems)
  if (pem === undefined || isAuthority(pem)) return pem
  problems.push(withPath(problem('AMSU_CA_FILE'), path))
  return undefined
}

/** Whether a text holds certificates, and each can be read. Node would skip a broken one in silence, and trust less than was meant. */
export function isAuthority (pem: string): boolean {
  const blocks = pem.match(CERTIFICATES) ?? []
  try {
    return blocks.length > 0 && blocks.every(block => new X509Certificate(block).raw.length > 0)
  } catch {
    return false
  }
}

/** OpenSSL refuses what is no certificate, no key, or not its key; but a key of another type it keeps beside the certificate, and serves nobody. */
function isPair ({ cert, key }: TlsConfig): boolean {
  try {
    const { createSecureContext } = load('node:tls') as typeof tls
    createSecureContext({ cert, key: key.reveal() })
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key.reveal()))
  } catch {
    return false
  }
}
