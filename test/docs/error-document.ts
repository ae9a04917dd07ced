/**
 * The table of errors of a README, rendered from the errors themselves.
 */
import { errorTable, type ErrorCode, type Retry } from '../../src/errors.ts'
import { adviceZh, errorsZh, wordsZh } from './words-zh.ts'

/** What the table says about retrying a request. */
const ADVICE: Readonly<Record<Retry, string>> = {
  safe: 'yes, AMSU has processed nothing',
  after_fix: 'after its operator has acted',
  charged: 'the call may have been charged',
  never: 'no',
}

/** Renders the table of errors of a README, in Markdown. In Chinese it says what the English message means. */
export function renderErrorTable (language: 'en' | 'zh' = 'en'): string {
  const isChinese = language === 'zh'
  const rows = (Object.keys(errorTable) as ErrorCode[]).map(code => {
    const { message, retry, status } = errorTable[code]
    return row(`\`PROXY.${code}\``, status, isChinese ? errorsZh[code] : message, (isChinese ? adviceZh : ADVICE)[retry])
  })
  return [isChinese ? row(...wordsZh.errors.head) : '| code | status | message | may the caller try again? |', '|---|---|---|---|', ...rows].join('\n')
}

function row (...cells: ReadonlyArray<string | number>): string {
  return `| ${cells.join(' | ')} |`
}
