// Puts what a script generates into its file. With --check on the command line it writes nothing,
// and the script fails where a file is out of date.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const check = process.argv.includes('--check')

/** `file` is below the project, or a full path; `command` is what a person runs to write it. */
export function putGenerated(file: string, text: string, command: string): void {
  const path = resolve(root, file)
  const shown = relative(root, path)
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  if (check) {
    console.error(`${shown} is out of date: run ${command}`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`wrote ${shown}`)
  }
}
