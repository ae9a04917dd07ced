/** The five figures of a README, in the language of its readers. */
import { spreadOf, type Results, type SuiteResult } from './results.ts'
import { targets } from './targets.ts'

/** The languages of the READMEs. */
export type Language = 'en' | 'zh'

/** One line: a figure of ours, and the same of others. */
interface Highlight {
  readonly suite: string
  readonly figure: string
  readonly title: Readonly<Record<Language, string>>
  readonly unit: Readonly<Record<Language, string>>
  readonly digits: number
}

const HIGHLIGHTS: readonly Highlight[] = [
  { suite: 'get64', figure: 'cpu', title: { en: 'CPU for a small GET', zh: '一个小 GET 请求的 CPU 时间' }, unit: { en: 'µs', zh: '微秒' }, digits: 0 },
  { suite: 'latency', figure: 'p50c1', title: { en: 'added latency, median at one connection', zh: '单连接时增加的延迟（中位数）' }, unit: { en: 'µs', zh: '微秒' }, digits: 0 },
  { suite: 'big', figure: 'up1', title: { en: 'CPU for 1 GiB of uploads', zh: '上传 1 GiB 的 CPU 时间' }, unit: { en: 's', zh: '秒' }, digits: 2 },
  { suite: 'start', figure: 'ms', title: { en: 'from start to the first response, token included', zh: '从启动到第一个响应（含取得访问令牌）' }, unit: { en: 'ms', zh: '毫秒' }, digits: 0 },
  { suite: 'idle', figure: 'fresh', title: { en: 'idle memory', zh: '空闲内存' }, unit: { en: 'MiB', zh: 'MiB' }, digits: 0 },
]

/** The proxies for comparison; of the two nginx, the one that took part. */
const OTHERS = ['go', 'fastify-http-proxy', 'nginx', 'nginx-streaming']

/** Renders one line for each figure that was measured, and one with the circumstances; empty while nothing is measured. */
export function renderHighlights (results: Results, language: Language = 'en'): string {
  const measured = HIGHLIGHTS.flatMap(highlight => results[highlight.suite] === undefined ? [] : [{ ...highlight, result: results[highlight.suite] as SuiteResult }])
  const [first] = measured
  if (first === undefined) return ''
  const lines = measured.map(({ result, figure, title, unit, digits }) => {
    const others = OTHERS.flatMap(id => {
      const median = spreadOf(result, id, figure)?.median
      const name = targets.find(target => target.id === id)?.title.replace(',', '') ?? id
      return median === undefined ? [] : [`${name} ${median.toFixed(digits)}`]
    })
    const mine = spreadOf(result, 'ours', figure)?.median.toFixed(digits) ?? ''
    return language === 'zh' ? `- ${title.zh}：**${mine} ${unit.zh}**（${others.join('、')}）` : `- ${title.en}: **${mine} ${unit.en}** (${others.join(', ')})`
  })
  return [...lines, '', circumstances(first.result, language)].join('\n')
}

/** When and where. */
function circumstances ({ date, machine: { cores, cpu }, node }: SuiteResult, language: Language): string {
  return language === 'zh' ? `${date}，${cpu}，${cores} 核，Node.js ${node}；均为中位数。` : `${date}, ${cpu} with ${cores} cores, Node.js ${node}; medians.`
}
