/**
 * Warns of a Node.js that gets no security fixes any more. Node does not know its own end, so the dates stand here
 * (the release schedule of the Node.js project).
 */

/** First day without support, by major version. Odd versions before 27 live half a year and are not listed. */
const END_OF_LIFE: Readonly<Record<number, string>> = { 20: '2026-05-01', 22: '2027-05-01', 24: '2028-05-01', 26: '2029-05-01' }

/** The sentences to warn with; none while the version is supported. */
export function runtimeWarnings (nodeVersion: string, wallNow: number): string[] {
  const major = Number(/^v?(\d+)/.exec(nodeVersion)?.[1])
  const end = END_OF_LIFE[major]
  const isOld = end === undefined ? major < 27 : wallNow >= Date.parse(end)
  return isOld ? [`Node.js ${major} is out of support and gets no security fixes; use 24 or 26`] : []
}
