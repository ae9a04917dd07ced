/**
 * Codes with which a token call fails, in groups that have their words in common. A code without a group is shown as it is.
 */

/** What an operator must tell apart, with the codes of Node.js, OpenSSL and our own that mean it. */
const GROUPS = {
  nameless: ['ENOTFOUND'],
  silent: ['EAI_AGAIN'],
  refused: ['ECONNREFUSED'],
  broken: ['ECONNRESET', 'EPIPE', 'ERR_CONNECTION_ENDED'],
  unreachable: ['EHOSTUNREACH', 'ENETUNREACH'],
  unconnected: ['ETIMEDOUT', 'ERR_CONNECT_TIMEOUT'],
  late: ['TIMEOUT'],
  invalid: ['INVALID_RESPONSE'],
  expired: ['CERT_HAS_EXPIRED'],
  early: ['CERT_NOT_YET_VALID'],
  unknown: ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  misnamed: ['ERR_TLS_CERT_ALTNAME_INVALID'],
  plain: ['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'],
  forward: ['ERR_FORWARD_PROXY'],
  defect: ['DEFECT'],
} as const satisfies Record<string, readonly string[]>

/** Spreads the words of one language for the groups over their codes. */
export function failureCodes (words: Readonly<Record<keyof typeof GROUPS, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(GROUPS).flatMap(([group, codes]) => codes.map(code => [code, words[group as keyof typeof GROUPS]])))
}
