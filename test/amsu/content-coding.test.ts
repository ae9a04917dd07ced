import { test } from 'tap'
import zlib, { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { decodeContent } from '../../src/amsu/content-coding.ts'

const MAX = 65_536
const TEXT = Buffer.from('{"error":{"code":"COMMON.INVALID_CREDENTIALS","msg":"\u00e9"}}')
const BOMB = Buffer.alloc(100 * 1024 * 1024, ' ')

/** Node has it from 22.15 on. */
const zstdCompressSync = (zlib as { zstdCompressSync?: (body: Buffer) => Buffer }).zstdCompressSync

test('a body is decompressed by whatever coding its headers name', async t => {
  for (const [codings, body] of [
    [[], TEXT],
    [[''], TEXT],
    [['identity'], TEXT],
    [['gzip'], gzipSync(TEXT)],
    [['x-gzip'], gzipSync(TEXT)],
    [['GZip'], gzipSync(TEXT)],
    [[' gzip , '], gzipSync(TEXT)],
    [['gzip'], Buffer.concat([gzipSync(TEXT.subarray(0, 9)), gzipSync(TEXT.subarray(9))])],
    [['deflate'], deflateSync(TEXT)],
    [['deflate'], deflateRawSync(TEXT)],
    [['deflate'], deflateRawSync(TEXT, { level: 0 })],
    [['deflate'], deflateSync(TEXT, { level: 0 })],
    [['br'], brotliCompressSync(TEXT)],
    ...[10, 15, 16, 17, 18, 19, 20, 21, 22].map(bits => [['br'], brotliCompressSync(TEXT, { params: { [constants.BROTLI_PARAM_LGWIN]: bits } })] as const),
    [['gzip, br'], brotliCompressSync(gzipSync(TEXT))],
    [['deflate', 'gzip'], gzipSync(deflateSync(TEXT))],
    [['gzip, identity'], gzipSync(TEXT)],
    ...(zstdCompressSync === undefined ? [] : [[['zstd'], zstdCompressSync(TEXT)]] as const),
  ] as const) t.strictSame(decodeContent(body, codings, MAX), TEXT, codings.join('; '))
})

test('what cannot be decompressed is not decoded', async t => {
  for (const [name, codings, body] of [
    ['not compressed at all', ['gzip'], TEXT],
    ['not compressed at all', ['deflate'], TEXT],
    ['not compressed at all', ['br'], TEXT],
    ['not compressed at all', ['zstd'], TEXT],
    ['cut short', ['gzip'], gzipSync(TEXT).subarray(0, -9)],
    ['cut short', ['br'], brotliCompressSync(TEXT).subarray(0, -3)],
    ['a wrong checksum', ['gzip'], Buffer.concat([gzipSync(TEXT).subarray(0, -8), Buffer.alloc(8)])],
    ['nothing', ['gzip'], Buffer.alloc(0)],
    ['one byte', ['deflate'], Buffer.from('x')],
    ['the codings in the wrong order', ['br, gzip'], brotliCompressSync(gzipSync(TEXT))],
    ['a coding nobody knows', ['compress'], TEXT],
    ['a name every object has', ['constructor'], TEXT],
    ['a name every object has', ['__proto__'], TEXT],
    ['three codings', ['gzip, gzip, gzip'], gzipSync(gzipSync(gzipSync(TEXT)))],
  ] as const) t.equal(decodeContent(Buffer.from(body), codings, MAX), undefined, `${name}: ${codings.join()}`)
})

test('a window of brotli that alone would take a tenth of a second is not filled', async t => {
  for (const bits of [23, 24]) t.equal(decodeContent(brotliCompressSync(TEXT, { params: { [constants.BROTLI_PARAM_LGWIN]: bits } }), ['br'], MAX), undefined, `2^${bits} bytes`)
})

test('decompression stops at the limit, so that a decompression bomb does no harm', async t => {
  const bombs = [
    [['gzip'], gzipSync(BOMB)],
    [['deflate'], deflateSync(BOMB)],
    [['deflate'], deflateRawSync(BOMB)],
    ...[16, 22, 23, 24].map(bits => [['br'], brotliCompressSync(BOMB, { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: bits } })] as const),
    [['gzip, gzip'], gzipSync(gzipSync(BOMB))],
    ...(zstdCompressSync === undefined ? [] : [[['zstd'], zstdCompressSync(BOMB)]] as const),
  ] as const
  for (const [codings, bomb] of bombs) {
    const [before, start] = [process.memoryUsage(), performance.now()]
    for (let i = 0; i < 20; i++) t.equal(decodeContent(bomb, codings, MAX), undefined, codings.join())
    const { arrayBuffers } = process.memoryUsage()
    t.comment(`${codings.join()}: ${bomb.length} bytes, ${((performance.now() - start) / 20).toFixed(2)} ms each, ${arrayBuffers - before.arrayBuffers} bytes more allocated`)
    t.ok(arrayBuffers - before.arrayBuffers < 20 * 4 * MAX, 'nothing like 100 MiB is ever there')
  }
  t.strictSame(decodeContent(gzipSync(Buffer.alloc(MAX, ' ')), ['gzip'], MAX)?.length, MAX, 'the limit itself fits')
  t.equal(decodeContent(gzipSync(Buffer.alloc(MAX + 1, ' ')), ['gzip'], MAX), undefined, 'one byte more does not')
})
