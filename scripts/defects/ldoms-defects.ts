// Defects of what the driver believes of a machine, and of what it saves there. Data only.

import type { Defect } from './table.ts'

const LISTING = 'src/ldoms/listing.ts'
const TEXTS = 'test/behaviour/machine-texts.test'
const LISTINGS = 'test/unit/ldm-listing.test'

export const LDOMS_DEFECTS: readonly Defect[] = [
  {
    name: 'one line of a variable makes the whole machine unreadable',
    changes: [{ file: LISTING, find: '    } else if (!hasVariables) {\n', replace: '    } else if (!hasVariables || line !== "") {\n' }],
    tests: [LISTINGS, TEXTS],
  },
  {
    name: 'a guest is changed whose listing may be its own text',
    changes: [
      {
        file: 'src/ldoms/machine.ts',
        find: "readiness: unclear === undefined ? readinessOf(state, flags) : { kind: 'unclear', reason: unclear }",
        replace: 'readiness: readinessOf(state, flags)',
      },
    ],
    tests: [TEXTS],
  },
  {
    name: 'what a guest lists as a service domain hides what the service domain lists',
    changes: [
      {
        file: LISTING,
        find: '    const kept = serious.length === 0 ? listed : serious\n',
        replace: '    const kept = listed.slice(-1)\n',
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
        file: LISTING,
        find: 'id: id === undefined && slot === undefined ? undefined : Number(id ?? slot),',
        replace: 'id: Number(id) || undefined,',
      },
    ],
    tests: [LISTINGS],
  },
]
