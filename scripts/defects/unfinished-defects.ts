// Defects of the completion of volumes that a power failure left without an owner. Data only.

import type { Defect } from './table.ts'

const UNFINISHED = 'src/storage/volumes/unfinished.ts'
const BLANK = 'src/storage/catalog/blank.ts'

const COMPLETED = 'test/behaviour/storage/unfinished.test'
const REFUSED = 'test/behaviour/storage/unfinished-refused.test'
const TRANSACTIONS = 'test/behaviour/crash/transactions.test'

export const UNFINISHED_DEFECTS: readonly Defect[] = [
  {
    name: 'a volume that somebody has written to is completed',
    changes: [
      {
        file: BLANK,
        find: 'isBlank(volume, fileSystem, dataset) === true',
        replace: 'isBlank(volume, fileSystem, dataset) !== undefined',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a clone that somebody has written to is completed',
    changes: [
      {
        file: BLANK,
        find: "'logicalused', dataset) <= CLONE_BYTES",
        replace: "'logicalused', dataset) >= 0",
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a clone of a written volume is never completed: what it takes for itself counts',
    changes: [{ file: BLANK, find: 'CLONE_BYTES = 4 * KiB', replace: 'CLONE_BYTES = 0' }],
    tests: [COMPLETED],
  },
  {
    name: 'a volume whose zfs does not count what was written is completed',
    changes: [
      {
        file: UNFINISHED,
        find: '!countsBlocks(await readPropertyNames(host.shell, signal))',
        replace: 'false',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'an empty volume is completed on disks that are not known',
    changes: [
      {
        file: BLANK,
        find: 'isBlank(volume, fileSystem, dataset) === true',
        replace: 'isBlank(volume, fileSystem, dataset) !== false',
      },
    ],
    tests: ['test/unit/blank.test', REFUSED],
  },
  {
    name: 'a volume of another size is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (cloneOf === undefined && sizeBytes !== wanted.sizeBytes) {',
        replace: 'if (cloneOf === undefined && sizeBytes < 0) {',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume of other blocks is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (blockBytes !== wanted.parameters.blockSizeBytes) {',
        replace: 'if (blockBytes < 0) {',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume over the limit is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (limitBytes > 0 && sizeBytes > limitBytes) {',
        replace: 'if (limitBytes > 0 && sizeBytes < 0) {',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume that reserves more than was asked for is completed',
    changes: [
      {
        file: UNFINISHED,
        find: "=== 'thin' && reservedBytes > 0) {",
        replace: "=== 'thin' && reservedBytes < 0) {",
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a clone of something else is completed',
    changes: [
      {
        file: UNFINISHED,
        find: "if (origin !== (cloneOf?.snapshot ?? '-')) {",
        replace: 'if (origin === undefined) {',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume with snapshots of somebody is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (snapshots.length > 0) return',
        replace: 'if (snapshots.length < 0) return',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume with a record is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (found.hasRecord) return',
        replace: 'if (found.hasRecord && snapshots.length < 0) return',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a dataset that is no volume is completed',
    changes: [
      {
        file: UNFINISHED,
        find: "if (properties.get('type')?.value !== 'volume') return",
        replace: "if (properties.get('type') === undefined) return",
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume that a machine exports is completed',
    changes: [{ file: UNFINISHED, find: '  return found && ', replace: '  return undefined && ' }],
    tests: [REFUSED],
  },
  {
    name: 'a volume that a silent machine may export is completed',
    changes: [
      {
        file: UNFINISHED,
        find: "if (found?.kind === 'unseen') return",
        replace:
          "if (found?.kind === 'unseen') return undefined\n  if (found?.machine === '') return",
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume that is a logical unit is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (unit !== undefined) return',
        replace: 'if (unit === design.kind) return',
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume with properties of another request is completed',
    changes: [
      {
        file: UNFINISHED,
        find: 'if (other !== undefined) return',
        replace: "if (other?.[0] === '') return",
      },
    ],
    tests: [REFUSED],
  },
  {
    name: 'a volume that has got an owner meanwhile is labelled again',
    changes: [
      {
        file: UNFINISHED,
        find: '  if (found === undefined || ownerCluster(found.properties, place.dataset) !== undefined) {\n',
        replace:
          "  if (found === undefined || ownerCluster(found.properties, place.dataset) === '') {\n",
      },
    ],
    tests: [COMPLETED],
  },
  {
    name: 'a volume gets its owner before what the owner wrote',
    changes: [
      {
        file: UNFINISHED,
        find: '    ...labels.filter(([name]) => !isOwners(name)),\n    ...owner,\n',
        replace: '    ...owner,\n    ...labels.filter(([name]) => !isOwners(name)),\n',
      },
    ],
    tests: [TRANSACTIONS],
  },
  {
    name: 'a completed volume reserves nothing',
    changes: [
      {
        file: UNFINISHED,
        find: "reservation === 'thick' && reservedBytes < sizeBytes",
        replace: "reservation === 'thick' && reservedBytes > sizeBytes",
      },
    ],
    tests: [COMPLETED],
  },
  {
    name: 'a completion without room is a final answer',
    changes: [
      {
        file: 'src/storage/volumes/creation.ts',
        find: 'await existsAnyway(place, () => completeUnfinished(creation, signal))',
        replace: 'await completeUnfinished(creation, signal)',
      },
    ],
    tests: [COMPLETED],
  },
  {
    name: 'the hidden snapshot of a copy without an owner is cut anew',
    changes: [
      {
        file: 'src/storage/volumes/hidden-snapshots.ts',
        find: '    if (!found.has(target.dataset)) {\n',
        replace: '    if (found.size < 2) {\n',
      },
    ],
    tests: [COMPLETED, TRANSACTIONS],
  },
]
