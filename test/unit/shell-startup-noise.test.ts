// What a host prints before the output of every command: learnt from the process list, cut only
// from the beginning, asked for seldom.

import type { Clock } from '../../src/clock.ts'
import { StorageError } from '../../src/errors.ts'
import { LIST } from '../../src/shell/processes.ts'
import type { Command, CommandResult, RunOptions, Shell } from '../../src/shell/shell.ts'
import { quieted } from '../../src/shell/startup-noise.ts'

const NOISE = 'sudo: unable to resolve host'
const COMMAND: Command = ['/usr/sbin/zfs', 'list']
const READ: RunOptions = { effect: 'read' }

/**
 * A host that prints `noise` before the errors of every command; `list` is what else its process
 * list answers.
 */
function host(list: Partial<CommandResult> | Error = {}) {
  const state = {
    noise: `${NOISE}\n`,
    nowMs: 1_000,
    says: 'cannot open\n',
    lists: 0,
    options: [] as RunOptions[],
  }
  const shell: Shell = {
    run: async (command, options) => {
      const answer = { exitStatus: 0, stdout: '', durationMs: 0 }
      if (command[0] !== LIST[0]) return { ...answer, stderr: state.noise + state.says }
      state.lists += 1
      state.options.push(options)
      if (list instanceof Error) throw list
      return { ...answer, stdout: 'COMMAND\n/sbin/init\n', stderr: state.noise, ...list }
    },
  }
  const clock: Clock = {
    nowMs: () => state.nowMs,
    sleep: () => Promise.reject(new Error('nobody waits')),
  }
  const cutting = quieted(shell, clock)
  const ask = async (says = 'cannot open\n') => {
    state.says = says
    return (await cutting.run(COMMAND, READ)).stderr
  }
  return { state, cutting, ask }
}

test('the noise of a host is learnt once, by a short read, and cut', async () => {
  const { state, cutting, ask } = host()
  expect(cutting.noise()).toBeUndefined()
  expect([await ask(), await ask(), await ask('')]).toEqual(['cannot open\n', 'cannot open\n', ''])
  expect(cutting.noise()).toEqual({ stderr: [NOISE], stdout: [] })
  expect(state.options).toEqual([{ effect: 'read', timeoutMs: 10_000 }])
})

test('many commands that fail at once ask once', async () => {
  const { state, ask } = host()
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill('cannot open\n'))
  expect(state.lists).toBe(1)
})

test(
  'a host without noise is not asked while nothing fails, nor a second time within five ' +
    'minutes',
  async () => {
    const { state, ask } = host()
    state.noise = ''
    expect(await ask('')).toBe('')
    expect(state.lists).toBe(0)
    for (const afterMs of [0, 0, 299_999, 1, 0, 299_999]) {
      state.nowMs += afterMs
      expect(await ask()).toBe('cannot open\n')
    }
    expect(state.lists).toBe(2)
  },
)

test('noise that begins later is cut from the next look on', async () => {
  const { state, ask } = host()
  state.noise = ''
  await ask()
  state.noise = `${NOISE}\n`
  expect(await ask()).toBe(`${NOISE}\ncannot open\n`)
  state.nowMs += 300_000
  expect(await ask()).toBe('cannot open\n')
})

test('a list that somebody else asks for teaches as well', async () => {
  const { state, cutting, ask } = host({ stdout: ' Last login\n\n COMMAND \n/sbin/init\n' })
  expect((await cutting.run(LIST, READ)).stderr).toBe('')
  expect(cutting.noise()).toEqual({ stderr: [NOISE], stdout: [' Last login'] })
  expect(await ask()).toBe('cannot open\n')
  expect(state.lists).toBe(1)
})

test.each([
  { what: 'in the middle', says: `cannot open\n${NOISE}\n`, left: `cannot open\n${NOISE}\n` },
  { what: 'twice at the beginning', says: `${NOISE}\ncannot open\n`, left: 'cannot open\n' },
  { what: 'as the beginning of a line', says: `${NOISE} a: busy\n`, left: `${NOISE} a: busy\n` },
  { what: 'without an end', says: NOISE, left: '' },
])('what a tool says stays where noise stands $what', async ({ says, left }) => {
  expect(await host().ask(says)).toBe(left)
})

test.each([
  { what: 'a list that failed', list: { exitStatus: 1 } },
  { what: 'a host that does not answer', list: new StorageError('unavailable', 'gone') },
])('from $what nothing is learnt, and nothing is cut', async ({ list }) => {
  const { state, cutting, ask } = host(list)
  expect(await ask()).toBe(`${NOISE}\ncannot open\n`)
  expect(cutting.noise()).toBeUndefined()
  await ask()
  expect(state.lists).toBe(2)
})

test('a bug in the looking is not hidden', async () => {
  await expect(host(new Error('broken')).ask()).rejects.toThrow('broken')
})

test('what the list itself complains of is nobody else’s noise', async () => {
  const { ask, cutting } = host({
    stderr: `${NOISE}\nps: no memory\n/usr/bin/ps: no memory\nfps: x\n\n`,
  })
  await ask()
  expect(cutting.noise()?.stderr).toEqual([NOISE, 'fps: x'])
})

test('a list without its header shows no noise on standard output', async () => {
  const { ask, cutting } = host({ stdout: 'hello\n' })
  await ask()
  expect(cutting.noise()?.stdout).toEqual([])
})
