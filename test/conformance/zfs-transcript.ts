// Reads the recorded sessions of zfs: `$ command`, then standard output and standard error as one
// text, then `[rc=status]`; in one session also `$ command => [text] [rc=status]`. Whatever else
// stands between the entries was printed by steps that were not recorded.

import { readFileSync } from 'node:fs'

const DIRECTORY = new URL('../transcripts/', import.meta.url)

export interface Entry {
  readonly file: string
  readonly line: number
  readonly command: string
  readonly output: string
  readonly status: number | undefined // undefined: still running when the recording gave up
}

export function readTranscript(file: string): readonly Entry[] {
  const lines = readFileSync(new URL(file, DIRECTORY), 'utf8').split('\n')
  const entries: Entry[] = []
  for (let at = 0; at < lines.length; at++) {
    const command = /^\$ (.*)$/.exec(lines[at] ?? '')?.[1]
    if (command === undefined) continue
    const line = at + 1
    // The one command with a newline in it.
    const whole = command === 'zfs set foo:nl=a' ? `${command}\n${lines[++at]}` : command
    const short = / => (.*)$/s.exec(command)
    const body: string[] = short ? [short[1] ?? ''] : []
    const blocked = short?.[1]?.startsWith('STILL BLOCKED') ?? false
    while (!blocked && !/\[rc=\d+\]$/.test(body.at(-1) ?? '') && at + 1 < lines.length) {
      body.push(lines[++at] ?? '')
    }
    const [, text = '', status] = /^(.*?)\n?\[rc=(\d+)\]$/s.exec(body.join('\n')) ?? []
    const output = short ? text.replace(/^\[/, '').replace(/\] $/, '') : text
    entries.push({
      file,
      line,
      command: short ? command.slice(0, command.indexOf(' => ')) : whole,
      output: output === '' ? '' : `${output}\n`,
      status: status === undefined ? undefined : Number(status),
    })
  }
  return entries
}

/**
 * Words that stood between quotes when the session was recorded; the recording shows them without.
 */
const WITH_SPACES = ['tank/sp ace', 'tank/bad name', 'tank/a@bad name', 'foo:with space=1']

/** The words of a recorded command; `<x*260>` stands for so many letters. */
export function wordsOf(command: string): readonly string[] {
  let text = command
  for (const phrase of WITH_SPACES) text = text.replaceAll(phrase, phrase.replaceAll(' ', '\u0000'))
  return text
    .split(' ')
    .map(word =>
      word
        .replaceAll('\u0000', ' ')
        .replace(/<(.)\*(\d+)>/g, (_, letter: string, count: string) =>
          letter.repeat(Number(count)),
        ),
    )
}

/** Long runs of one letter, as the recording abbreviates them. */
export function abbreviate(text: string): string {
  return text.replace(/(x|y|k)\1{199,}/g, (run, letter: string) => `<${letter}*${run.length}>`)
}
