/**
 * The table of errors of the README, rendered from the errors themselves.
 */
import { errorTable, type Retry } from '../../src/errors.ts'

/** What a caller is told about sending a request again. */
const ADVICE: Readonly<Record<Retry, string>> = {
  safe: 'yes, AMSU has processed nothing',
  mended: 'after its operator has acted',
  charged: 'the call may have been charged',
  never: 'no',
}

/** Renders the table in Markdown. */
export function renderErrorTable (): string {
  const rows = Object.entries(errorTable).map(([code, { message, retry, status }]) => `| \`PROXY.${code}\` | ${status} | ${message} | ${ADVICE[retry]} |`)
  return ['| code | status | message | may the caller try again? |', '|---|---|---|---|', ...rows].join('\n')
}
