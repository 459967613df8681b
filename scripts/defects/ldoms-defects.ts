// Defects of the driver's view of a machine, and of what it saves there. Data only.

import type { Defect } from './table.ts'

const LISTING = 'src/hypervisors/ldoms/listing.ts'
const SAVED = 'src/hypervisors/ldoms/saved-configurations.ts'
const SAVER = 'test/behaviour/machine/saver.test'
const TEXTS = 'test/behaviour/machine/texts.test'
const LISTINGS = 'test/unit/ldm-listing.test'

export const LDOMS_DEFECTS: readonly Defect[] = [
  {
    name: 'one line of a variable makes the whole machine unreadable',
    changes: [
      {
        file: 'src/hypervisors/ldoms/records.ts',
        find: '    } else if (!this.#hasVariables) {\n',
        replace: '    } else if (!this.#hasVariables || line !== "") {\n',
      },
    ],
    tests: [LISTINGS, TEXTS],
  },
  {
    name: 'a whole machine is looked through for what is missing of one disk',
    changes: [
      {
        file: 'src/hypervisors/ldoms/view.ts',
        find: 'about ??= sorted(state)',
        replace: 'about ??= () => state',
      },
    ],
    tests: ['test/unit/scale-work.test'],
  },
  {
    name: 'a guest is changed whose listing may be its own text',
    changes: [
      {
        file: 'src/hypervisors/ldoms/state.ts',
        find: "const readiness: GuestReadiness =\n    unclear === undefined ? readinessOf(state, flags) : { kind: 'unclear', reason: unclear }",
        replace: 'const readiness: GuestReadiness = readinessOf(state, flags)',
      },
    ],
    tests: [TEXTS],
  },
  {
    name: 'what a guest lists as a service domain hides what the service domain lists',
    changes: [
      {
        file: LISTING,
        find: '  const kept = serious.length === 0 ? listed : serious\n',
        replace: '  const kept = listed.slice(-1)\n',
      },
    ],
    tests: [LISTINGS],
  },
  {
    name: 'a disk that its service domain does not know as a client is taken for served',
    changes: [
      {
        file: LISTING,
        find: '  return clients !== undefined && !clients.has(',
        replace: '  return clients === undefined && new Set<string>().has(',
      },
    ],
    tests: [LISTINGS],
  },
  {
    name: 'a disk has a number only where the release prints one by itself',
    changes: [
      {
        file: 'src/hypervisors/ldoms/devices.ts',
        find: 'id: id ?? slot,',
        replace: 'id,',
      },
    ],
    tests: [LISTINGS],
  },
  {
    name: 'our own configuration chosen for the next power-on is replaced by what runs',
    changes: [
      {
        file: SAVED,
        find: '  if (\n    next !== current &&\n    !(',
        replace: '  if (next !== current && !isOurs(next) && !(',
      },
      {
        file: SAVED,
        find: '  const { current, next } = findMarked(configurations)\n',
        replace:
          "  const { current, next } = findMarked(configurations)\n  const isOurs = (name = '') => findSavedName(name, prefix) !== undefined\n",
      },
    ],
    tests: [SAVER],
  },
  {
    name: 'what runs degraded is saved',
    changes: [
      {
        file: SAVED,
        find: '  if (degraded !== undefined) {\n',
        replace: '  if (degraded !== undefined && degraded.name === prefix) {\n',
      },
    ],
    tests: [SAVER],
  },
  {
    name: 'what runs after a fault replaces what a driver saved',
    changes: [
      {
        file: SAVED,
        find: '  if (!isDrivers(running) && drivers.length > 0) {\n',
        replace: '  if (!isDrivers(running) && drivers.length > 9) {\n',
      },
    ],
    tests: [SAVER],
  },
  {
    name: 'a machine that lost domains is saved without them',
    changes: [
      {
        file: SAVED,
        find: '  if (isDrivers(running) && domains < saved) {\n',
        replace: '  if (isDrivers(running) && domains < 1) {\n',
      },
    ],
    tests: [SAVER],
  },
  {
    name: 'a save that failed waits for the next change',
    changes: [
      {
        file: 'src/hypervisors/ldoms/configuration-saver.ts',
        find: '        if (failure !== undefined && this.#firstChangeMs !== undefined) {\n',
        replace:
          '        if (failure !== undefined) return\n        if (failure !== undefined) {\n',
      },
    ],
    tests: [SAVER],
  },
  {
    name: 'what an earlier process left unsaved stays so',
    changes: [
      {
        file: 'src/hypervisors/ldoms/ldm.ts',
        find: "    return found === undefined || found.marks.includes('newer')\n",
        replace: '    return found === undefined\n',
      },
    ],
    tests: [SAVER],
  },
]
