/**
 * Lists the settings in effect, for people. A secret is shown as `[redacted]`.
 */
import { REDACTED } from '../secrets/secret.ts'
import { settings, type Setting, type SettingName } from './settings.ts'
import type { Values } from './validation.ts'

/** One setting that has a value. */
export interface EffectiveSetting {
  readonly name: string
  /** As text; `[redacted]` for a secret. */
  readonly value: string
  /** Whether the value is the default. */
  readonly isDefault: boolean
}

/**
 * Lists the settings in effect, in the order of the documentation.
 *
 * @param given the names that are set explicitly
 */
export function effectiveSettings (values: Values, given: ReadonlySet<string>): EffectiveSetting[] {
  return (Object.entries(settings) as Array<[SettingName, Setting]>)
    .filter(([name]) => values[name] !== undefined)
    .map(([name, { isSecret }]) => ({ name, value: isSecret === true ? REDACTED : String(values[name]), isDefault: !given.has(name) }))
}
