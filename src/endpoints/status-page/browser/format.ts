/**
 * Numbers, durations and times in the language of the page. Pure: it does not touch the document.
 */
import type { Words } from '../words.ts'

/** Units of a duration, the longest first, with their seconds. */
const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const

/** From this many seconds on, seconds after the minutes are noise. */
const MAX_SECONDS_WITH_SECONDS = 600

/** Fills in the `{name}` blanks of a text. A value that is missing leaves nothing. */
export function fill (text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

/** Formats a number with the separators of the language. */
export function formatNumber ({ language }: Pick<Words, 'language'>, value: number): string {
  return value.toLocaleString(language)
}

/** Formats a duration in its two largest units. Less than a second, or an unknown duration, is a moment. */
export function formatDuration ({ moment, units }: Pick<Words, 'moment' | 'units'>, seconds: number | null): string {
  const first = UNITS.findIndex(([, size]) => seconds !== null && seconds >= size)
  if (seconds === null || first < 0) return moment
  const isLong = seconds >= MAX_SECONDS_WITH_SECONDS
  const parts: string[] = []
  let rest = seconds
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const n = Math.floor(rest / size)
    if (n > 0 && !(unit === 's' && parts.length > 0 && isLong)) parts.push(fill(units[unit], { n }))
    rest -= n * size
  }
  return parts.join(' ')
}

/** Formats a duration below a second in milliseconds, a longer one in tenths of a second. */
export function formatMilliseconds (words: Pick<Words, 'language' | 'units'>, ms: number): string {
  if (ms < 1000) return fill(words.units.ms, { n: formatNumber(words, Math.round(ms)) })
  return fill(words.units.s, { n: formatNumber(words, Math.round(ms / 100) / 10) })
}

/** Formats an instant as a time of day, with the date if that is not today. */
export function formatTime ({ language }: Pick<Words, 'language'>, instant: string | number): string {
  const date = new Date(instant)
  const isToday = date.toDateString() === new Date().toDateString()
  const day = isToday ? {} : { month: 'short', day: 'numeric' } as const
  return date.toLocaleString(language, { ...day, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
}
