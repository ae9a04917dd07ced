/**
 * The certificate and key this proxy shows to its callers.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Secret } from '../secrets/secret.ts'
import { readSecretFile } from './secret-file.ts'
import { problem } from './validation.ts'

/** A pair that was found to fit, and where it came from. */
export interface TlsConfig {
  readonly cert: string
  readonly key: Secret
  readonly certPath: string
  readonly keyPath: string
}

/** Reads the pair; undefined without a path, or with a problem when it can not be served. */
export function readTls (certPath: string | undefined, keyPath: string | undefined, problems: string[]): TlsConfig | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath === undefined || keyPath === undefined) {
    problems.push(problem(certPath === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE'))
    return undefined
  }
  const cert = readSecretFile('TLS_CERT_FILE', certPath)
  const key = readSecretFile('TLS_KEY_FILE', keyPath)
  for (const content of [cert, key]) if ('problem' in content) problems.push(content.problem)
  if ('problem' in cert || 'problem' in key) return undefined
  const pair = { cert: cert.secret.reveal(), key: key.secret, certPath, keyPath }
  if (isPair(pair)) return pair
  problems.push(problem('TLS_KEY_FILE'))
  return undefined
}

/** OpenSSL refuses what is no certificate, no key, or not its key; but a key of another type it keeps beside the certificate, and serves nobody. */
function isPair ({ cert, key }: TlsConfig): boolean {
  try {
    createSecureContext({ cert, key: key.reveal() })
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key.reveal()))
  } catch {
    return false
  }
}
