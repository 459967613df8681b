// Reads the recorded sessions of Xen: `### host`, `$ command`, its status, standard output and
// standard error. Commands went through a shell, so that some are several.

import { readdirSync, readFileSync } from 'node:fs'

const DIRECTORY = new URL('../transcripts/xen/', import.meta.url)

export interface Entry {
  readonly file: string
  readonly host: string
  readonly command: string
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const ENTRY =
  /^### (\S+)\n\$ ([^\n]*)\nstatus: (\d+)\ntime_ms: \d+\nstdout:\n(.*?)^stderr:\n(.*?)(?=\n## |\n### |$(?![\s\S]))/gms

export const FILES: readonly string[] = readdirSync(DIRECTORY).filter(name => name.endsWith('.txt'))

export function readTranscript(file: string): readonly Entry[] {
  const text = readFileSync(new URL(file, DIRECTORY), 'utf8')
  const entries = [...text.matchAll(ENTRY)].map(
    ([, host = '', command = '', status, stdout = '', stderr = '']): Entry => ({
      file,
      host,
      command,
      status: Number(status),
      stdout,
      stderr,
    }),
  )
  const expected = text.match(/^### /gm)?.length
  if (entries.length !== expected) throw new Error(`${file}: ${entries.length} of ${expected} read`)
  return entries
}

/** The words of a simple command; undefined for one that only a shell understands. */
export function wordsOf(command: string): readonly string[] | undefined {
  if (/[;&|$<>`()]/.test(command.replace(/'[^']*'|"[^"]*"/g, ''))) return undefined
  return (command.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? []).map(word =>
    word.replace(/^(['"])(.*)\1$/, '$2'),
  )
}

/** Invented numbers: channels and rings, processor time, processes; a domain that just started. */
export function comparable(text: string): string {
  return text
    .replace(/^(\d+ +\d+ +\d+ +\d+ +)\d+ +\d+ +\//gm, '$1CHANNEL RING /')
    .replace(/ +\d+\.\d$/gm, ' TIME')
    .replaceAll('-b----', '------')
    .replace(/\[\d+\] exited/, '[PROCESS] exited')
    .split('\n')
    .filter(line => !/backend\/vif/.test(line))
    .join('\n')
}
