/**
 * Parser for `.env` files. It parses as `util.parseEnv` of Node 26 does, but the same on every version of Node, and it reports every
 * line that is not a comment, blank or a setting. Node's parser and dotenv silently skip such a line, and Node 20's skips the next
 * one as well.
 */
import { settings } from './settings.ts'

/** A line that sets a variable. `export` allows a file that a shell reads too. */
const SETTING = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(.*)$/

/** A blank line or a comment; also what may follow a closing quote. */
const BLANK_OR_COMMENT = /^[ \t]*(?:#|$)/

/** A `#` that starts a comment directly after the value, of which it may be meant to be a part. */
const TOUCHING_COMMENT = /[^ \t#]#/

/** Spaces and tabs at the end of a value. */
const TRAILING_SPACE = /[ \t]+$/

/** The variables and problems of a file. Each problem is the end of a sentence that begins with the file's path. */
export interface Dotenv {
  readonly values: ReadonlyMap<string, string>
  /** The line that sets each name last, counted from 1. */
  readonly lineOf: ReadonlyMap<string, number>
  readonly problems: readonly string[]
  /** Valid lines that are probably unintended. */
  readonly warnings: readonly string[]
}

/** Parses the text of a file, with the line endings of any system. */
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

  /** Parses the entry that begins at a line; returns the index of the next line to parse. */
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
    if (TOUCHING_COMMENT.test(rest)) this.#warnings.push(`line ${index + 1}: the value ends before #, which starts a comment; put the value in quotes if # is part of it`)
    this.#set(index, name, rest.replace(/#.*$/, '').replace(TRAILING_SPACE, ''))
    return index + 1
  }

  /** Parses a quoted value, which may span lines. A missing closing quote is one problem, and the following lines are still parsed. */
  #parseQuoted (index: number, name: string, rest: string, quote: string): number {
    let value = rest
    let last = index
    while (!value.includes(quote)) {
      const next = this.#lines[++last]
      if (next === undefined || isKnownSetting(next)) {
        this.#problems.push(`line ${index + 1} has no closing quote`)
        return index + 1
      }
      value += `\n${next}`
    }
    const end = value.indexOf(quote)
    if (!BLANK_OR_COMMENT.test(value.slice(end + 1))) {
      this.#problems.push(`line ${last + 1} has text after the closing quote${last === index ? '' : ` of the value that starts in line ${index + 1}`}`)
    }
    this.#set(index, name, quote === '"' ? value.slice(0, end).replaceAll('\\n', '\n') : value.slice(0, end))
    return last + 1
  }

  #set (index: number, name: string, value: string): void {
    const earlier = this.#lineOf.get(name)
    if (earlier !== undefined) this.#warnings.push(`line ${index + 1} overrides the same name in line ${earlier}`)
    this.#values.set(name, value)
    this.#lineOf.set(name, index + 1)
  }
}

/** Whether a line inside an open quote sets one of our settings: then the closing quote is missing, and the line must not be lost. */
function isKnownSetting (line: string): boolean {
  const [, name] = SETTING.exec(line) ?? []
  return name !== undefined && Object.hasOwn(settings, name)
}
