// A tool bound to its shell and its table: what a caller hears of an answer.

import type { FailureRow } from '../../src/shell/failures.ts'
import type { Command, CommandResult, RunOptions, Shell } from '../../src/shell/shell.ts'
import { isNotFound, Tool } from '../../src/shell/tool.ts'

const ROWS: readonly FailureRow[] = [
  { text: /no such thing/, kind: 'not-found', evidence: 'recalled', source: 'this test' },
  { text: /in use/, kind: 'busy', evidence: 'recalled', source: 'this test', hint: 'wait' },
]
const LIST: Command = ['/usr/sbin/things', 'list', 'a']

function toolThatAnswers(answer: Partial<CommandResult>) {
  const runs: { command: Command; options: RunOptions }[] = []
  const shell: Shell = {
    run: async (command, options) => {
      runs.push({ command, options })
      return { exitStatus: 0, stdout: '', stderr: '', durationMs: 1, ...answer }
    },
  }
  return { tool: new Tool(shell, ROWS), runs }
}

test('a success is answered as it is', async () => {
  const { tool } = toolThatAnswers({ stdout: 'a\n' })

  expect((await tool.read(LIST, { about: 'thing a' })).stdout).toBe('a\n')
  expect((await tool.write(LIST, { about: 'thing a' })).stdout).toBe('a\n')
})

test('a failure is told of its object, by the row that fits', async () => {
  const { tool } = toolThatAnswers({ exitStatus: 1, stderr: 'things: in use\n' })

  const told = { kind: 'busy', message: 'thing a: things: in use (wait)' }
  await expect(tool.read(LIST, { about: 'thing a' })).rejects.toMatchObject(told)
  await expect(tool.write(LIST, { about: 'thing a' })).rejects.toMatchObject(told)
})

test('an expected failure is no error, and every other one is', async () => {
  const call = { about: 'thing a', effect: 'read', expected: isNotFound } as const
  const absent = toolThatAnswers({ exitStatus: 1, stderr: 'things: no such thing\n' })
  const busy = toolThatAnswers({ exitStatus: 1, stderr: 'things: in use\n' })
  const there = toolThatAnswers({ stderr: 'things: no such thing\n' })

  expect(await absent.tool.attempt(LIST, call)).toBeUndefined()
  await expect(busy.tool.attempt(LIST, call)).rejects.toMatchObject({ kind: 'busy' })
  expect(await there.tool.attempt(LIST, call)).toMatchObject({ exitStatus: 0 })
})

test('what a call says of time, input and end reaches the shell, and its object does not', async () => {
  const { tool, runs } = toolThatAnswers({})
  const { signal } = new AbortController()

  await tool.read(LIST, { about: 'thing a' })
  await tool.write(LIST, { about: 'thing a', signal, input: 'x', timeoutMs: 5 })
  await tool.attempt(LIST, { about: 'thing a', effect: 'write', expected: isNotFound })

  expect(runs.map(({ options }) => options)).toEqual([
    { effect: 'read' },
    { effect: 'write', signal, input: 'x', timeoutMs: 5 },
    { effect: 'write' },
  ])
})
