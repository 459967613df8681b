// Defects of an ordinary account on a storage host: permissions that nobody asks for, or misses.
// Data only.

import type { Defect } from './table.ts'

const DELEGATION = 'src/zfs/delegation.ts'
const SCENE = 'test/behaviour/reports/delegation.test'
const LISTINGS = 'test/unit/zfs-delegation.test'

export const PERMISSION_DEFECTS: readonly Defect[] = [
  {
    name: 'the record of an attachment would be mounted',
    changes: [{ file: 'src/zfs/zfs.ts', find: "canmount: 'off', ", replace: '' }],
    tests: [SCENE],
  },
  {
    name: 'doctor does not ask for a permission that the driver needs',
    changes: [
      { file: DELEGATION, find: "  'clone',\n  'compression',", replace: "  'compression'," },
    ],
    tests: [SCENE],
  },
  {
    name: 'doctor takes a permission on the parent alone for one below it',
    changes: [
      {
        file: DELEGATION,
        find: "if (where !== 'here') for (const name of given) below.add(name)",
        replace: 'for (const name of given) below.add(name)',
      },
    ],
    tests: [LISTINGS],
  },
  {
    name: 'doctor takes what is delegated to others for the permissions of its account',
    changes: [{ file: DELEGATION, find: '!names.has(who) || ', replace: '' }],
    tests: [LISTINGS],
  },
  {
    name: 'doctor is content with a ZFS pool that ignores what is delegated',
    changes: [
      { file: 'src/storage/privileges.ts', find: 'if (!isHeeded) {', replace: 'if (false) {' },
    ],
    tests: [SCENE],
  },
  {
    name: 'doctor asks a delegation of root',
    changes: [
      {
        file: 'src/storage/privileges.ts',
        find: 'if (account.uid === 0) return []',
        replace: '',
      },
    ],
    tests: [SCENE],
  },
  {
    name: 'a rights profile of Solaris is not found',
    changes: [
      {
        file: 'src/storage/privileges.ts',
        find: "system === 'solaris' && ",
        replace: 'false && ',
      },
    ],
    tests: [SCENE],
  },
]
