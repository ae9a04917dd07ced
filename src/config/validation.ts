/**
 * Validates the variables: types, ranges and defaults with env-schema, and the rules that a schema cannot express.
 */
import { envSchema } from 'env-schema'
import { settings, type Setting, type SettingName } from './settings.ts'

/** The form of a number. env-schema alone would read spaces as 0 and `0x10` as 16, and would accept `Infinity` despite any maximum. */
const DIGITS = /^\d{1,16}$/

/** The values after validation. */
export type Values = Partial<Record<SettingName, string | number | boolean>>

/** Checks types and ranges and fills in defaults. An invalid value is reported and omitted. */
export function validate (given: Readonly<Record<string, string>>, problems: string[]): Values {
  const data = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(settings, name)))
  const report = (name: SettingName): void => {
    problems.push(problem(name))
    delete data[name]
  }
  for (const [name, text] of Object.entries(data) as Array<[SettingName, string]>) {
    if (settings[name].type === 'integer' && !DIGITS.test(text)) report(name)
  }
  for (;;) {
    try {
      return envSchema<Values>({ schema: jsonSchema(), data, env: false })
    } catch (error) {
      const names = new Set(schemaErrors(error).map(({ instancePath }) => instancePath.slice(1)))
      if (names.size === 0) throw error
      for (const name of names) report(name as SettingName)
    }
  }
}

/** Returns the sentence that states what a setting must be. */
export function problem (name: SettingName): string {
  return `${name} must be ${settings[name].rule}`
}

/** Returns the table of settings as a JSON schema. */
export function jsonSchema (): object {
  const properties = Object.fromEntries(Object.entries<Setting>(settings).map(([name, { type, default: value, minimum, maximum, values }]) => [name, {
    type,
    ...(value === undefined ? {} : { default: value }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(values === undefined ? {} : { enum: values }),
  }]))
  return { type: 'object', properties }
}

function schemaErrors (error: unknown): Array<{ instancePath: string }> {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
}
