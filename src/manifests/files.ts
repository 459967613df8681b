// Reads what `-f` names, as kubectl does: a file, `-` for standard input, or a directory of
// manifests. Bytes that are not UTF-8 are rejected. Replacing them would change a name.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from '../errors.ts'

const MANIFEST = /\.(ya?ml|json)$/

export function readManifestFiles(
  names: readonly string[],
): readonly { readonly file: string; readonly text: string }[] {
  return names.flatMap(name => {
    if (name === '-') {
      return [
        { file: 'standard input', text: decode(readBytes(0, 'standard input'), 'standard input') },
      ]
    }
    if (!isDirectory(name)) return [{ file: name, text: readText(name) }]
    const files = readdirSync(name).filter(file => MANIFEST.test(file))
    if (files.length === 0) {
      throw new StorageError(
        'invalid-argument',
        `directory ${name} holds no file .yaml, .yml or .json`,
      )
    }
    return files.sort().map(file => ({ file: join(name, file), text: readText(join(name, file)) }))
  })
}

export function readText(file: string): string {
  return decode(readBytes(file, file), file)
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function readBytes(file: string | 0, name: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new StorageError('invalid-argument', `cannot read ${name}`, { cause: error })
  }
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new StorageError('invalid-argument', `${name} is not text in UTF-8`, { cause: error })
  }
}
