// Defects of the shells, and of what the driver says of its own work. Data only.

import type { Defect } from './table.ts'

export const SHELL_DEFECTS: readonly Defect[] = [
  {
    name: 'what a host prints before every command is taken for words of the tool',
    changes: [
      {
        file: 'src/shell/startup-noise.ts',
        find: '    return { ...result, stderr: cut(result.stderr, this.#noise?.stderr ?? []) }\n',
        replace: '    return result\n',
      },
    ],
    tests: ['test/behaviour/startup-noise.test'],
  },
  {
    name: 'noise is cut wherever it stands, also behind words of the tool',
    changes: [
      {
        file: 'src/shell/startup-noise.ts',
        find: "    if (rest === '' || !noise.includes(line)) return rest\n",
        replace: "    if (text !== '') return text.split('\\n').filter(each => !noise.includes(each)).join('\\n')\n",
      },
    ],
    tests: ['test/behaviour/startup-noise.test'],
  },
]
