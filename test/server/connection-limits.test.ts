import { test } from 'tap'
import { connectionLimits, descriptorLimit } from '../../src/server/connection-limits.ts'
import { oldSpaceBytes } from '../../src/server/heap.ts'

const MIB = 1_048_576

test('both listeners together stay within the old space and the open files of the process', async t => {
  t.strictSame(connectionLimits({ oldSpaceBytes: 64 * MIB, descriptors: Infinity, upstreamConnections: 128, hasAdmin: true }), { main: 96, admin: 32 })
  t.strictSame(connectionLimits({ oldSpaceBytes: 4_096 * MIB, descriptors: 64, upstreamConnections: 128, hasAdmin: true }), { main: 12, admin: 4 })
  t.equal(descriptorLimit('/nowhere'), Infinity)
})

test('the young generation does not count as old space', async t => {
  t.equal(oldSpaceBytes('--max-old-space-size=96 --max_old_space_size=64', 256 * MIB), 64 * MIB)
  t.equal(oldSpaceBytes('--max-semi-space-size=2', 262 * MIB), 256 * MIB)
})
