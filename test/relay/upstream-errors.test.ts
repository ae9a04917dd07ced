import { test } from 'tap'
import { upstreamErrorCode } from '../../src/relay/upstream-errors.ts'
import { ConnectionEndedError, InvalidResponseError, UnsendableRequestError } from '../../src/upstream/errors.ts'

function failure (code: string | undefined, message = 'the words of a library'): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

test('a broken exchange is named by its code and by how far it had come', async t => {
  for (const [cause, isSent, expected] of [
    [failure('ECONNREFUSED'), false, 'UPSTREAM_UNREACHABLE'],
    [failure('ENOTFOUND'), false, 'UPSTREAM_UNREACHABLE'],
    [failure('ERR_CONNECT_TIMEOUT'), false, 'UPSTREAM_UNREACHABLE'],
    [failure('DEPTH_ZERO_SELF_SIGNED_CERT'), false, 'UPSTREAM_UNREACHABLE'],
    [failure('ECONNRESET'), false, 'UPSTREAM_UNREACHABLE'],
    [failure(undefined), false, 'UPSTREAM_UNREACHABLE'],
    [failure('ERR_FORWARD_PROXY'), true, 'UPSTREAM_UNREACHABLE'],
    [failure('ECONNRESET'), true, 'UPSTREAM_RESET'],
    [new ConnectionEndedError(), true, 'UPSTREAM_RESET'],
    [failure('EPIPE'), true, 'UPSTREAM_RESET'],
    [failure(undefined), true, 'UPSTREAM_RESET'],
    ['not an error', true, 'UPSTREAM_RESET'],
    [new InvalidResponseError('head'), true, 'UPSTREAM_INVALID'],
    [failure('ERR_INVALID_CHAR'), true, 'UPSTREAM_INVALID'],
    [new UnsendableRequestError(), true, 'BAD_REQUEST'],
  ] as const) {
    t.equal(upstreamErrorCode(cause, { isSent }), expected, `${cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)} ${isSent ? 'after' : 'before'} sending`)
  }
})
