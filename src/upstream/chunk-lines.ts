/**
 * The lines of a chunked body (RFC 9112 section 7.1).
 */

const TOKEN = "[!#$%&'*+\\-.^_`|~\\dA-Za-z]+"
const QUOTED_STRING = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'

const BLANKS = '[\\t ]*'

/**
 * A chunk size and chunk extensions, which are ignored (RFC 9112 sections 7.1 and 7.1.1). Some servers pad the size to a fixed width with
 * zeros or blanks.
 */
const CHUNK_LINE = new RegExp(`^${BLANKS}([\\da-f]+)${BLANKS}(?:;${BLANKS}${TOKEN}${BLANKS}(?:=${BLANKS}(?:${TOKEN}|${QUOTED_STRING})${BLANKS})?)*$`, 'i')

const TRAILER_LINE = new RegExp(`^${TOKEN}${BLANKS}:[\\t\\x20-\\x7e\\x80-\\xff]*$`)

/** The size of a chunk; NaN if the line is invalid, or not safe if it is too large to be counted. */
export function chunkSize (line: string): number {
  return Number.parseInt(CHUNK_LINE.exec(line)?.[1] ?? '', 16)
}

/** Whether a line is a valid trailer field. */
export function isTrailer (line: string): boolean {
  return TRAILER_LINE.test(line)
}
