// A defect put into the text of its sources. Pure but for `read`.

import type { Defect } from './table.ts'

/** The changed files. Throws if a text does not occur exactly once in its file. */
export function changeSources(
  { name, changes }: Defect,
  read: (file: string) => string,
): ReadonlyMap<string, string> {
  const changed = new Map<string, string>()
  for (const { file, find, replace } of changes) {
    const parts = (changed.get(file) ?? read(file)).split(find)
    if (parts.length !== 2) {
      throw new Error(
        `defect "${name}": the text is ${parts.length - 1} times in ${file}, not once; adapt the table to the code:\n${find}`,
      )
    }
    changed.set(file, parts.join(replace))
  }
  return changed
}
