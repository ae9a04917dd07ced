/**
 * Warns of a Node.js version that is past its end of life. Node does not know its own end of life, so the dates are listed here
 * (from the release schedule of the Node.js project).
 */

/** First day without support, by major version. Odd versions before 27 are supported for half a year and not listed. */
const END_OF_LIFE: Readonly<Record<number, string>> = { 20: '2026-05-01', 22: '2027-05-01', 24: '2028-05-01', 26: '2029-05-01' }

/** Returns the warnings; none while the version is supported. */
export function runtimeWarnings (nodeVersion: string, wallNow: number): string[] {
  const major = Number(/^v?(\d+)/.exec(nodeVersion)?.[1])
  const end = END_OF_LIFE[major]
  const isOld = end === undefined ? major < 27 : wallNow >= Date.parse(end)
  return isOld ? [`Node.js ${major} is out of support and gets no security fixes; use 24 or 26`] : []
}
