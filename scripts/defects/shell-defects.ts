// Defects of the shells, and of the driver's reports on its own work. Data only.

import type { Defect } from './table.ts'

export const SHELL_DEFECTS: readonly Defect[] = [
  {
    name: 'a program that is missing is taken for an object that is missing',
    changes: [
      {
        file: 'src/shell/failures.ts',
        find: 'NOT_RUN.find(fits) ?? rows.find(fits)',
        replace: 'rows.find(fits) ?? NOT_RUN.find(fits)',
      },
    ],
    tests: ['test/behaviour/guest/missing-tools.test', 'test/unit/shell-failures.test'],
  },
  {
    name: 'what a host prints before every command is taken for words of the tool',
    changes: [
      {
        file: 'src/shell/startup-noise.ts',
        find: '      return { ...result, stderr: cut(result.stderr, noise?.stderr ?? []) }\n',
        replace: '      return result\n',
      },
    ],
    tests: ['test/behaviour/guest/startup-noise.test'],
  },
  {
    name: 'noise is cut wherever it stands, also behind words of the tool',
    changes: [
      {
        file: 'src/shell/startup-noise.ts',
        find: "    if (rest === '' || !noise.includes(line)) return rest\n",
        replace:
          "    if (text !== '') return text.split('\\n').filter(each => !noise.includes(each)).join('\\n')\n",
      },
    ],
    tests: ['test/behaviour/guest/startup-noise.test'],
  },
  {
    name: 'a log that nobody reads is kept in memory without a bound',
    changes: [
      {
        file: 'src/log-stream.ts',
        find: '    if (this.#stream.writableLength > MAX_WAITING_CHARACTERS) this.#lose()\n    else ',
        replace: '    ',
      },
    ],
    tests: ['test/unit/log-stream.test'],
  },
  {
    name: 'lines of the log that were lost are told of to nobody',
    changes: [{ file: 'src/log-stream.ts', find: '    this.#tell(this.#lost)\n', replace: '' }],
    tests: ['test/unit/log-stream.test'],
  },
  {
    name: 'a plugin ends when the disk under its log is full',
    changes: [
      { file: 'src/log-stream.ts', find: "    stream.on('error', () => {})\n", replace: '' },
    ],
    tests: ['test/behaviour/reports/log-output.test'],
  },
  {
    name: 'the time that a call waits for a lock is not told from that of its work',
    changes: [
      {
        file: 'src/locks.ts',
        find: '  const leave = enterQueue()\n',
        replace: '  const leave = () => {}\n',
      },
    ],
    tests: ['test/unit/queueing.test'],
  },
  {
    name: 'a listing is begun for callers who have all given up',
    changes: [
      {
        file: 'src/hypervisors/turns.ts',
        find: '    if (next?.waiters === 0) throw',
        replace: '    if (next?.waiters === -1) throw',
      },
    ],
    tests: ['test/behaviour/machine/machine.test'],
  },
  {
    name: 'what a killed process left to the kernel is not waited for',
    changes: [
      {
        file: 'src/shell/late-effects.ts',
        find: '    this.#mayArrive = host.leftBehind() !== undefined\n',
        replace: '    this.#mayArrive = false\n',
      },
    ],
    tests: ['test/unit/left-behind.test'],
  },
  {
    name: 'paths of a request are logged with the secrets in them',
    changes: [
      {
        file: 'src/csi/wire/handler.ts',
        find: 'const names = redactAll(namesIn(request), secrets)',
        replace: 'const names = namesIn(request)',
      },
    ],
    tests: ['test/protocol/wrapper.test'],
  },
]
