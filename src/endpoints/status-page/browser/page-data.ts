/**
 * What the proxy sends with the page: its words, which stay, and the status, which every poll replaces.
 */
import type { Status } from '../../status.ts'
import type { Words } from '../words.ts'
import { formatDuration } from './format.ts'

/** The words of the page, in its language. */
export const words = embedded<Words>('words')

/** What the page shows. */
export const view = {
  /** The last status that was received. */
  status: embedded<Status>('status'),
  /** When it was received, by `performance.now()`. */
  receivedAt: performance.now(),
  /** Whether the last poll failed. */
  isLost: false,
}

/** Whole seconds since the status was received. */
export function secondsPassed (): number {
  return Math.round((performance.now() - view.receivedAt) / 1000)
}

/** Seconds from now until what was `seconds` ahead when the status was received. */
export function secondsLeft (seconds: number): number {
  return Math.max(0, seconds - secondsPassed())
}

/** A duration until what was `seconds` ahead when the status was received. */
export function durationLeft (seconds: number | null): string {
  return formatDuration(words, seconds === null ? null : secondsLeft(seconds))
}

/** The name of a family of analyses; one that is not known has its own. */
export function familyName (family: string): string {
  return (words.quota.families as Readonly<Record<string, string>>)[family] ?? family
}

function embedded<T> (id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? '') as T
}
