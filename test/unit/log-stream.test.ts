// The log's way out: lines are lost when nobody takes them, and nothing else happens.

import { Writable } from 'node:stream'
import { createLog } from '../../src/log.ts'
import { LossyStream } from '../../src/log-stream.ts'

/** A stream that takes lines, keeps them waiting, or fails. */
function stream() {
  const lines: { msg: string; count?: number }[] = []
  const waiting: (() => void)[] = []
  let mood: 'takes' | 'waits' | Error = 'takes'
  const writable = new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      if (mood instanceof Error) return done(mood)
      if (line !== '') lines.push(JSON.parse(line))
      if (mood === 'takes') done()
      else waiting.push(done)
    },
    // As standard output does: it can be written to again after an error.
    destroy(_error, done) {
      done(null)
      const { _undestroy: undestroy } = this as unknown as { _undestroy(): void }
      undestroy.call(this)
    },
  })
  const become = async (next: typeof mood) => {
    mood = next
    for (const done of waiting.splice(0)) done()
    await new Promise(setImmediate)
  }
  return { lines, writable, become }
}

test('lines that a full disk does not take are counted, and told when it takes one again', async () => {
  const { lines, writable, become } = stream()
  const log = createLog({ level: 'info', destination: new LossyStream(writable) })
  log.info({}, 'first')
  await become(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
  for (const each of ['second', 'third']) {
    log.info({}, each)
    await new Promise(setImmediate)
  }
  await become('takes')
  log.info({}, 'fourth')
  await new Promise(setImmediate)
  log.info({}, 'fifth')
  await new Promise(setImmediate)
  expect(lines.map(({ msg, count }) => [msg, count])).toEqual([
    ['first', undefined],
    ['fourth', undefined],
    ['lines of the log were lost since the start', 2],
    ['fifth', undefined],
  ])
})

test(
  'a reader that does not read costs lines and a bounded amount of memory; what waited comes ' +
    'when it reads',
  async () => {
    const { lines, writable, become } = stream()
    const destination = new LossyStream(writable)
    const log = createLog({ level: 'info', destination })
    await become('waits')
    const error = 'x'.repeat(10_000)
    for (let line = 0; line < 1000; line++) log.info({ error }, 'line')
    expect(writable.writableLength).toBeLessThan(1 << 20)
    await destination.drain(1)
    await become('takes')
    await new Promise(setImmediate)
    const kept = lines.filter(({ msg }) => msg === 'line').length
    expect(kept).toBeGreaterThan(10)
    expect(lines.at(-1)).toMatchObject({
      msg: 'lines of the log were lost since the start',
      count: 1000 - kept,
    })
  },
)
