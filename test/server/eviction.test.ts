import { test } from 'tap'
import { Socket } from 'node:net'
import { chooseEvicted } from '../../src/server/eviction.ts'

test('an idle connection makes room first, then one whose local request waits for its client, never one that is relayed', async t => {
  const [relayed, waiting, idle, newest] = [new Socket(), new Socket(), new Socket(), new Socket()]
  const owners = new Map([[relayed, { isBusy: true, isWaitingForClient: false }], [waiting, { isBusy: true, isWaitingForClient: true }], [idle, { isBusy: false, isWaitingForClient: false }]])
  const choose = (...sockets: Socket[]): Socket => chooseEvicted([...sockets, newest], newest, socket => owners.get(socket))
  t.equal(choose(relayed, waiting, idle), idle)
  t.equal(choose(relayed, waiting), waiting)
  t.equal(choose(relayed), newest)
})
