// Options that a StorageClass may pass to mkfs: those that shape a file system. Rejected are
// options that force, write elsewhere than to the device, or make mkfs do anything else (mke2fs(8),
// mkfs.xfs(8), newfs(8)).

import { StorageError } from '../errors.ts'

/** Letters of options that take a value, and of those that do not. */
const ALLOWED: Readonly<Record<string, { readonly valued: string; readonly plain: string }>> = {
  ext4: { valued: 'bgGiImNOETL', plain: '' },
  xfs: { valued: 'bimnsL', plain: 'K' },
  ufs: { valued: 'bcfimor', plain: '' },
}

/**
 * Splits the options into words. Without a type it accepts the options of any file system. The
 * guest checks again when it knows the type.
 */
export function parseMkfsOptions(text: string, type: string): readonly string[] {
  const words = text.split(/\s+/).filter(word => word !== '')
  const allowed = Object.entries(ALLOWED).filter(([name]) => type === '' || type === name)
  const tables = allowed.map(([, table]) => table)
  for (let at = 0; at < words.length; ) {
    const [, letter = ''] = /^-([A-Za-z])$/.exec(words[at] ?? '') ?? []
    const value = words[at + 1]
    if (letter !== '' && tables.some(({ plain }) => plain.includes(letter))) at += 1
    else if (
      letter !== '' &&
      tables.some(({ valued }) => valued.includes(letter)) &&
      /^[A-Za-z0-9^][A-Za-z0-9_.,:=^+-]*$/.test(value ?? '') &&
      // The driver recognises the volume by its UUID.
      !/(^|,)uuid=/.test(value ?? '')
    ) {
      at += 2
    } else {
      const known = allowed.map(([name, { valued, plain }]) =>
        [name, ...[...valued, ...plain].map(each => `-${each}`)].join(' '),
      )
      // An option that comes next is not the value of this one.
      const shown = words.slice(at, value?.startsWith('-') ? at + 1 : at + 2)
      throw new StorageError(
        'invalid-argument',
        `parameter mkfsOptions: ${JSON.stringify(shown.join(' '))} is not an allowed mkfs option ` +
          `with its value; allowed are ${known.join('; ')}`,
      )
    }
  }
  return words
}
