/**
 * Codes with which a token call fails, in groups that share a text. A code without a group is shown as it is.
 */

/** What an operator must tell apart, with the codes of Node.js, OpenSSL and our own that mean it. */
const GROUPS = {
  noAddress: ['ENOTFOUND'],
  dnsSilent: ['EAI_AGAIN'],
  connectionRefused: ['ECONNREFUSED'],
  connectionLost: ['ECONNRESET', 'EPIPE', 'ERR_CONNECTION_ENDED'],
  noRoute: ['EHOSTUNREACH', 'ENETUNREACH'],
  connectTimeout: ['ETIMEDOUT', 'ERR_CONNECT_TIMEOUT'],
  responseTimeout: ['TIMEOUT'],
  invalidResponse: ['INVALID_RESPONSE'],
  certificateExpired: ['CERT_HAS_EXPIRED'],
  certificateNotYetValid: ['CERT_NOT_YET_VALID'],
  untrustedIssuer: ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  wrongHostName: ['ERR_TLS_CERT_ALTNAME_INVALID'],
  notTls: ['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'],
  forwardProxy: ['ERR_FORWARD_PROXY'],
  defect: ['DEFECT'],
} as const satisfies Record<string, readonly string[]>

/** Gives each code the text of its group, in one language. */
export function failureCodes (words: Readonly<Record<keyof typeof GROUPS, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(GROUPS).flatMap(([group, codes]) => codes.map(code => [code, words[group as keyof typeof GROUPS]])))
}
