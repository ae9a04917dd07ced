/**
 * Reads the listener's TLS certificate and key, and the certificate authorities for AMSU.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import type tls from 'node:tls'
import { Secret } from '../secrets/secret.ts'
import { SettingFiles, withPath } from './setting-files.ts'
import { problem } from './validation.ts'

/** Loads Node's TLS module only if there is a pair to check, because it costs 4 to 6 MiB. */
const load = createRequire(import.meta.url)

/** The certificates of a PEM text; one without an end line extends to the end of the text (RFC 7468 section 2). */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g

/** A certificate and its matching key, with their paths. */
export interface TlsConfig {
  readonly cert: string
  readonly key: Secret
  readonly certPath: string
  readonly keyPath: string
}

/** Reads the pair. Returns undefined without a path; if the pair is invalid, returns undefined and adds a problem. */
export function readTls (certPath: string | undefined, keyPath: string | undefined, problems: string[], files = new SettingFiles()): TlsConfig | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath === undefined || keyPath === undefined) {
    problems.push(problem(certPath === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE'))
    return undefined
  }
  const cert = files.readNonEmpty('TLS_CERT_FILE', certPath, problems)
  const key = files.readNonEmpty('TLS_KEY_FILE', keyPath, problems)
  if (cert === undefined || key === undefined) return undefined
  const pair = { cert, key: new Secret(key), certPath, keyPath }
  if (isPair(pair)) return pair
  problems.push(withPath(problem('TLS_KEY_FILE'), keyPath))
  return undefined
}

/** Reads certificate authorities. Returns undefined without a path; if one is invalid, returns undefined and adds a problem. */
export function readAuthority (path: string | undefined, problems: string[], files = new SettingFiles()): string | undefined {
  if (path === undefined) return undefined
  const pem = files.readNonEmpty('AMSU_CA_FILE', path, problems)
  if (pem === undefined || isAuthority(pem)) return pem
  problems.push(withPath(problem('AMSU_CA_FILE'), path))
  return undefined
}

/** Whether a text contains certificates, all valid. Node would silently skip an invalid one and trust less than intended. */
export function isAuthority (pem: string): boolean {
  const blocks = pem.match(CERTIFICATES) ?? []
  try {
    return blocks.length > 0 && blocks.every(block => new X509Certificate(block).raw.length > 0)
  } catch {
    return false
  }
}

/** OpenSSL rejects an invalid certificate, an invalid key and a mismatched key. It accepts a key of another type, but then no handshake succeeds. */
function isPair ({ cert, key }: TlsConfig): boolean {
  try {
    const { createSecureContext } = load('node:tls') as typeof tls
    createSecureContext({ cert, key: key.reveal() })
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key.reveal()))
  } catch {
    return false
  }
}
