/**
 * The errors of the AMSU API. The codes marked "seen" stand in the vendor's pages; of their statuses only one is known (422 of
 * ECG.INVALID_DATA). Everything else is a guess, based on FastAPI, which the rest of the API resembles.
 */

/** An error that is sent as `{"error":{"code","msg"}}`. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor (status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** Returns the body that all errors of the API share. */
  envelope (): { error: { code: string, msg: string } } {
    return { error: { code: this.code, msg: this.message } }
  }
}

/** Every refusal, one line each. */
export const refusals = {
  /** Code seen, status guessed. */
  wrongCredentials: () => new Refusal(401, 'COMMON.AUTHENTICATION_FAILED', 'The client id or the client secret is wrong.'),
  /** Code seen, status guessed. */
  badToken: () => new Refusal(401, 'COMMON.INVALID_CREDENTIALS', 'The token is invalid or has expired.'),
  /** Code seen, status guessed. */
  wrongFileType: () => new Refusal(400, 'COMMON.INVALID_FILE_TYPE', 'ecg_file must be a file whose name ends in .ecg.'),
  /** Code seen, status guessed. */
  notEnoughData: (what: string) => new Refusal(422, 'COMMON.NOT_ENOUGH_DATA', `There is not enough data: ${what}.`),
  /** Code and status seen. */
  noBeats: () => new Refusal(422, 'ECG.INVALID_DATA', 'The ECG has no usable R peaks.'),
  /** Guessed. */
  badField: (what: string) => new Refusal(422, 'COMMON.INVALID_PARAMETER', `Invalid parameter: ${what}.`),
  /** Guessed. */
  quotaUsedUp: (family: string) => new Refusal(403, 'COMMON.OUT_OF_TIMES', `No times are left for ${family}.`),
  /** Guessed. */
  tooLarge: () => new Refusal(413, 'COMMON.FILE_TOO_LARGE', 'ecg_file is larger than 100 MB.'),
  /** Guessed. */
  notFound: () => new Refusal(404, 'COMMON.NOT_FOUND', 'Not Found'),
  /** Guessed. */
  wrongMethod: () => new Refusal(405, 'COMMON.METHOD_NOT_ALLOWED', 'Method Not Allowed'),
  /** Guessed; for the fault `tokenStatus`. */
  troubled: (status: number) => new Refusal(status, 'COMMON.SIMULATED', `The simulator is set to respond ${status}.`),
  /** Guessed; a defect of the simulator ends here. */
  failed: (message: string) => new Refusal(500, 'COMMON.INTERNAL_ERROR', message),
}
