/**
 * The settings as they are in effect, for people to look at. A secret is only said to be set.
 */
import { REDACTED } from '../secrets/secret.ts'
import { settings, type Setting, type SettingName } from './settings.ts'
import type { Values } from './validation.ts'

/** One setting that has a value. */
export interface EffectiveSetting {
  readonly name: string
  /** As text; `[redacted]` for a secret. */
  readonly value: string
  /** Whether nobody has set it. */
  readonly isDefault: boolean
}

/**
 * Lists what is in effect, in the order in which settings are documented.
 *
 * @param given the names somebody has set
 */
export function effectiveSettings (values: Values, given: ReadonlySet<string>): EffectiveSetting[] {
  return (Object.entries(settings) as Array<[SettingName, Setting]>)
    .filter(([name]) => values[name] !== undefined)
    .map(([name, { isSecret }]) => ({ name, value: isSecret === true ? REDACTED : String(values[name]), isDefault: !given.has(name) }))
}
