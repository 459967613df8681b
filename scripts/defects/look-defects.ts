// Defects of looks at many disks at once: what the controller tells of machines, what a guest tells
// of its volumes. Whoever acts on a look must not take silence for absence. Data only.

import type { Defect } from './table.ts'

const SEEN = 'src/storage/seen-disks.ts'
const PATHS = 'src/storage/disk-paths.ts'
const LOOK = 'src/guest/look.ts'
const DIRECT = 'src/csi/wire/direct.ts'

const SEEN_TEST = 'test/behaviour/storage/seen-disks.test'
const WIRE_TEST = 'test/protocol/disks.test'
const LOOK_TEST = 'test/behaviour/guest/look.test'
const DIRECT_TEST = 'test/protocol/direct.test'

export const LOOK_DEFECTS: readonly Defect[] = [
  {
    name: 'the guests of a silent machine count as not listed',
    changes: [
      {
        file: SEEN,
        find: "readiness: { kind: 'unknown', reason: describeError(look) }",
        replace: "readiness: { kind: 'unlisted' }",
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a machine that answers nonsense ends the look at all others',
    changes: [
      {
        file: 'src/storage/observation.ts',
        find: 'return observeEach(machines, error => isStorageError(error), signal)',
        replace: 'return observeEach(machines, isNotStarted, signal)',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a pool that cannot be listed has no disks',
    changes: [
      {
        file: SEEN,
        find: "return { of: 'pool', name, reason: describeError(error) }",
        replace: 'return []',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a pool that hangs holds up the disks of all others',
    changes: [
      {
        file: SEEN,
        find: '{ signal, timeoutMs: POOL_MS }',
        replace: '{ signal }',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a silent machine is told as a silent pool',
    changes: [{ file: 'src/csi/disks.ts', find: "of === 'pool' ?", replace: "of !== 'pool' ?" }],
    tests: [WIRE_TEST],
  },
  {
    name: 'a caller that gave up hears that everything is silent',
    changes: [{ file: SEEN, find: '    signal?.throwIfAborted()\n', replace: '' }],
    tests: [SEEN_TEST],
  },
  {
    name: 'a detachment that has begun is told as a disk that its guest should have',
    changes: [
      {
        file: SEEN,
        find: 'records.filter(({ dataset }) => !isReleasingRecord(dataset))',
        replace: 'records.filter(() => isReleasingRecord.length > 0)',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a guest that its machine does not list is told as off',
    changes: [
      {
        file: SEEN,
        find: "readiness ?? { kind: 'unlisted' }",
        replace: "readiness ?? { kind: 'off' }",
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a disk that its guest lost is told as attached while its exports are there',
    changes: [
      {
        file: SEEN,
        find: 'isAttached: disk !== undefined,',
        replace: 'isAttached: state.uses.length > 0,',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a disk is told with the number of its record where the machine shows another',
    changes: [{ file: SEEN, find: 'slot: disk?.slot ?? slot,', replace: 'slot,' }],
    tests: [SEEN_TEST],
  },
  {
    name: 'a disk in a renamed guest is told as lost',
    changes: [
      {
        file: SEEN,
        find: '    describeRenamed(place.leaf, guest, state) ??\n',
        replace:
          "    describeRenamed(place.leaf, { ...guest, guest: '' }, { ...state, uses: [] }) ??\n",
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a disk that was renamed is not found by the exports that serve it',
    changes: [
      {
        file: 'src/storage/uses.ts',
        find: 'new Set([use.key, ...use.paths.map(path => path.key)])',
        replace: 'new Set([use.key])',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a path whose service domain is down is told as it was before',
    changes: [
      {
        file: PATHS,
        find: "if (!isRunning(path, state)) return { path, state: 'stopped' }",
        replace:
          "if (!isRunning(path, state) && disk === undefined) return { path, state: 'stopped' }",
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a path without an export is told as unknown',
    changes: [
      {
        file: PATHS,
        find: "if (!isServed) return { path, state: 'missing' }",
        replace: "if (!isServed && disk !== undefined) return { path, state: 'missing' }",
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'the only path of a guest that is off is told as active',
    changes: [
      {
        file: SEEN,
        find: "disk !== undefined && readiness?.kind === 'running'",
        replace: 'disk !== undefined',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'a broken number in a record hides that the disk cannot be judged',
    changes: [
      {
        file: SEEN,
        find: 'if (slot === undefined || mode === undefined) {',
        replace:
          'if (slot === undefined || mode === undefined) return undefined\n  if (slot < 0) {',
      },
    ],
    tests: [SEEN_TEST],
  },
  {
    name: 'the file system of another volume at a target is told as the own one',
    changes: [
      {
        file: LOOK,
        find: 'isOfVolume(volumeId, found, notes) : found.source === device',
        replace: 'isOfVolume(volumeId, found, notes) : found.source !== undefined',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a volume of which only a target is mounted is told as staged',
    changes: [
      { file: LOOK, find: 'mounts.some(({ path }) => !targets.includes(path))', replace: 'true' },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a volume with a note is told as mounted',
    changes: [
      {
        file: LOOK,
        find: "shown.has(path) || isLinked(path) ? 'there' : 'gone'",
        replace: "glances.get(path)?.kind !== 'failed' ? 'there' : 'gone'",
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a guest to which a listing was not sent has failed mounts',
    changes: [
      {
        file: LOOK,
        find: "if (!(error instanceof ShellError) || error.fate === 'not-started') throw error",
        replace: 'if (!(error instanceof ShellError)) throw error',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a guest that is lost during a look has failed mounts',
    changes: [
      {
        file: LOOK,
        find: '      await this.#platform.mounts.readUses(signal)\n    }\n',
        replace: '    }\n',
      },
      {
        file: LOOK,
        find: "if (!(error instanceof ShellError) || error.fate === 'not-started') throw error",
        replace: 'if (!(error instanceof ShellError)) throw error',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a name that does not answer hides the whole guest',
    changes: [
      {
        file: LOOK,
        find: '    const glances = new Map(together instanceof ShellError ? [] : together)\n',
        replace:
          '    if (together instanceof ShellError) throw together\n    const glances = new Map(together)\n',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a file system is sound as long as the mount table says so',
    changes: [{ file: LOOK, find: ': [own.path]', replace: ': []' }],
    tests: [LOOK_TEST],
  },
  {
    name: 'a failure in the mount table is not told',
    changes: [
      {
        file: LOOK,
        find: 'mounts.map(describeFailure).find(each => each !== undefined)',
        replace: 'mounts.map(() => describeFailure(undefined)).find(each => each !== undefined)',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a note that cannot be read ends the look at all volumes',
    changes: [
      {
        file: LOOK,
        find: '    if (!isStorageError(error)) throw error\n',
        replace: '    if (isStorageError(error)) throw error\n',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'a look at a guest asks for each volume',
    changes: [
      {
        file: LOOK,
        find: 'names.filter(name => !glances.has(name))',
        replace: 'names.filter(name => name !== undefined)',
      },
    ],
    tests: [LOOK_TEST],
  },
  {
    name: 'of several names in one listing an error is that of any',
    changes: [
      {
        file: 'src/guest/paths.ts',
        find: 'const isOnly = asked.size === 1 && ',
        replace: 'const isOnly = asked.size >= 1 && ',
      },
    ],
    tests: ['test/unit/guest-paths.test'],
  },
  {
    name: 'a directory that ext4 still remembers is told as sound',
    changes: [
      {
        file: 'src/guest/paths.ts',
        find: 'if (DISK_ERROR.test(words)) seen.set(',
        replace: 'if (DISK_ERROR.test(words) && !seen.has(name)) seen.set(',
      },
    ],
    tests: ['test/unit/guest-paths.test'],
  },
  {
    name: 'a direct call that was given up before begins its work',
    changes: [
      { file: DIRECT, find: '      onAbort()\n      return\n', replace: '      onAbort()\n' },
    ],
    tests: [DIRECT_TEST],
  },
  {
    name: 'the work of a direct call does not hear that its caller is gone',
    changes: [{ file: DIRECT, find: '      gone.abort()\n', replace: '' }],
    tests: [DIRECT_TEST],
  },
  {
    name: 'a direct call has no limit of time',
    changes: [
      {
        file: DIRECT,
        find: 'timeoutMs === undefined || timeoutMs > LONGEST_TIMER_MS',
        replace: 'timeoutMs === undefined || timeoutMs > 0',
      },
    ],
    tests: [DIRECT_TEST],
  },
  {
    name: 'a limit longer than a timer can hold ends a direct call at once',
    changes: [
      {
        file: DIRECT,
        find: 'timeoutMs === undefined || timeoutMs > LONGEST_TIMER_MS',
        replace: 'timeoutMs === undefined',
      },
    ],
    tests: [DIRECT_TEST],
  },
  {
    name: 'the handler of a direct call gets the message without its defaults',
    changes: [
      {
        file: DIRECT,
        find: '() => requestDeserialize(requestSerialize(request))',
        replace: '() => (requestDeserialize(requestSerialize(request)), request)',
      },
    ],
    tests: [DIRECT_TEST],
  },
  {
    name: 'every direct call is a piece of work of its own',
    changes: [
      {
        file: DIRECT,
        find: 'const method = methods?.get(type.rpc)',
        replace:
          "const method = services.find(({ name }) => name === 'Node')?.methods({ log, calls: new Calls() }).get(type.rpc)",
      },
    ],
    tests: [DIRECT_TEST],
  },
  {
    name: 'a disk of which no state is known is healthy, whatever else serves it',
    changes: [
      {
        file: 'src/storage/health.ts',
        find: "path.state === 'unknown' && path.device !== undefined",
        replace: "path.state === 'unknown'",
      },
    ],
    tests: ['test/behaviour/storage/health.test'],
  },
  {
    name: 'a guest that reports no states of paths is told as a trouble',
    changes: [{ file: 'src/storage/health.ts', find: '  if (isSilent) return []\n', replace: '' }],
    tests: ['test/behaviour/storage/health.test'],
  },
  {
    name: 'doctor passes over a machine that it could not ask',
    changes: [
      {
        file: 'src/cli/doctor.ts',
        find: ', its services and guests`, controlDomain)]',
        replace: ', its services and guests`, controlDomain)].slice(1)',
      },
    ],
    tests: ['test/behaviour/reports/doctor.test'],
  },
  {
    name: 'the last PersistentVolume of a volume decides whose it is',
    changes: [
      {
        file: 'src/cli/cluster.ts',
        find: '[...(claims.get(volumeHandle) ?? []), claim]',
        replace: '[claim]',
      },
    ],
    tests: ['test/behaviour/reports/kubectl.test'],
  },
]
