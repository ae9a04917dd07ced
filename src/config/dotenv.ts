/**
 * Parses a `.env` file as `util.parseEnv` of Node 26 does, but loses nothing in silence and does the same on every Node: what is no
 * comment, blank line or setting is a problem with its line. Node's parser and dotenv skip such a line without a word, and that of
 * Node 20 takes the next one along.
 */
import { settings } from './settings.ts'

/** A line that sets something. `export` is for files that a shell reads too. */
const SETTING = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(.*)$/

/** A line that says nothing, and what may follow an end quote. */
const BLANK_OR_COMMENT = /^[ \t]*(?:#|$)/

/** A number sign that begins a comment although it touches what may have been meant as a value. */
const TOUCHING_COMMENT = /[^ \t#]#/

/** A blank of the format, at the end of a value. */
const BLANKS_AT_END = /[ \t]+$/

/** What a file sets, and all that is wrong with it, as ends of sentences that begin with the file's path. */
export interface Dotenv {
  readonly values: ReadonlyMap<string, string>
  /** Where each name is set last, counted from 1. */
  readonly lineOf: ReadonlyMap<string, number>
  readonly problems: readonly string[]
  /** What works but may not be meant. */
  readonly warnings: readonly string[]
}

/** Parses the text of a file; line ends of any system are fine. */
export function parseDotenv (text: string): Dotenv {
  return new Parser(text.split(/\r\n|\n|\r/)).parse()
}

class Parser {
  readonly #lines: readonly string[]
  readonly #values = new Map<string, string>()
  readonly #lineOf = new Map<string, number>()
  readonly #problems: string[] = []
  readonly #warnings: string[] = []

  constructor (lines: readonly string[]) {
    this.#lines = lines
  }

  parse (): Dotenv {
    for (let index = 0; index < this.#lines.length;) index = this.#parseLine(index)
    return { values: this.#values, lineOf: this.#lineOf, problems: this.#problems, warnings: this.#warnings }
  }

  /** Parses what begins at a line; returns the index of the line behind it. */
  #parseLine (index: number): number {
    const line = this.#lines[index] ?? ''
    if (BLANK_OR_COMMENT.test(line)) return index + 1
    const [, name, rest] = SETTING.exec(line) ?? []
    if (name === undefined || rest === undefined) {
      this.#problems.push(`line ${index + 1} is neither a setting (NAME=value) nor a comment`)
      return index + 1
    }
    const quote = rest[0]
    if (quote === '"' || quote === "'" || quote === '`') return this.#parseQuoted(index, name, rest.slice(1), quote)
    if (TOUCHING_COMMENT.test(rest)) this.#warnings.push(`line ${index + 1}: the value ends before #, which begins a comment; put it in quotes if # belongs to it`)
    this.#set(index, name, rest.replace(/#.*$/, '').replace(BLANKS_AT_END, ''))
    return index + 1
  }

  /** Parses a value in quotes, which may go on for lines. A missing end quote costs one problem, and the lines after it are still parsed. */
  #parseQuoted (index: number, name: string, rest: string, quote: string): number {
    let value = rest
    let last = index
    while (!value.includes(quote)) {
      const next = this.#lines[++last]
      if (next === undefined || isKnownSetting(next)) {
        this.#problems.push(`line ${index + 1} has no end quote`)
        return index + 1
      }
      value += `\n${next}`
    }
    const end = value.indexOf(quote)
    if (!BLANK_OR_COMMENT.test(value.slice(end + 1))) {
      this.#problems.push(`line ${last + 1} goes on after the end quote${last === index ? '' : ` of the value that begins in line ${index + 1}`}`)
    }
    this.#set(index, name, quote === '"' ? value.slice(0, end).replaceAll('\\n', '\n') : value.slice(0, end))
    return last + 1
  }

  #set (index: number, name: string, value: string): void {
    const earlier = this.#lineOf.get(name)
    if (earlier !== undefined) this.#warnings.push(`line ${index + 1} sets again what line ${earlier} has set, and wins`)
    this.#values.set(name, value)
    this.#lineOf.set(name, index + 1)
  }
}

/** Whether a line inside an open quote sets one of our settings: then an end quote is missing, and the line must not be swallowed. */
function isKnownSetting (line: string): boolean {
  const [, name] = SETTING.exec(line) ?? []
  return name !== undefined && Object.hasOwn(settings, name)
}
