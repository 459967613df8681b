// Defects of the measures that tell whether something was written to a volume. Data only.

import type { Defect } from './table.ts'

const BLANK = 'src/storage/catalog/blank.ts'
const WRITTEN = 'src/storage/attachments/written.ts'
const ATTACHMENTS = 'src/storage/attachments/attachments.ts'
const FORMATTING = 'src/guest/formatting.ts'
const CONTEXTS = 'src/csi/contexts.ts'

const RECORDED_FIGURES = 'test/unit/blank.test'
const ANSWERS = 'test/behaviour/storage/written.test'
const PROBES = 'test/unit/guest-probes.test'
const REQUESTS = 'test/unit/requests-node.test'

export const WRITTEN_DEFECTS: readonly Defect[] = [
  {
    name: 'a volume with a few written blocks counts as blank where the disks are known',
    changes: [{ file: BLANK, find: ': counted === blank\n', replace: ': counted < 2 * blank\n' }],
    tests: [RECORDED_FIGURES, ANSWERS],
  },
  {
    name: 'the figure of an empty volume counts as blank on any disks',
    changes: [
      {
        file: BLANK,
        find: ': counted === blank\n',
        replace: ': [...EMPTY_KIB.values()].includes(counted)\n',
      },
    ],
    tests: [RECORDED_FIGURES, ANSWERS],
  },
  {
    name: 'a new volume on disks that are not known cannot be used',
    changes: [{ file: WRITTEN, find: 'dataset) !== false', replace: 'dataset) === true' }],
    tests: [ANSWERS],
  },
  {
    name: 'a new volume that is not of the disks of its record cannot be used',
    changes: [
      {
        file: BLANK,
        find: 'blank === undefined || counted < blank',
        replace: 'blank === undefined',
      },
    ],
    tests: [RECORDED_FIGURES],
  },
  {
    name: 'a new volume on an encrypted pool is measured by disks without encryption',
    changes: [{ file: BLANK, find: '  [49, 25.5],', replace: '  [49, 6],' }],
    tests: [RECORDED_FIGURES],
  },
  {
    name: 'the exact measure is taken only beside an empty parent dataset',
    changes: [
      {
        file: WRITTEN,
        find: '  const { found } = await readInSight(',
        replace: '  const { found, parent } = await readInSight(',
      },
      { file: WRITTEN, find: ', found.get(record)]', replace: ', parent]' },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a zfs that does not count blocks is asked for them, and fails',
    changes: [
      {
        file: WRITTEN,
        find: 'if (!countsBlocks(await readPropertyNames(pool.host.shell, signal)))',
        replace: 'if (pool === undefined)',
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a zfs that does not list its properties counts as one of Solaris',
    changes: [
      {
        file: 'src/zfs/dialect.ts',
        find: "if (!names.includes('volsize')) {",
        replace: "if (names.includes('')) {",
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a volume that is gone meanwhile counts as blank',
    changes: [
      {
        file: WRITTEN,
        find: 'throw meanwhile(place, undefined)',
        replace: 'return { written: false }',
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a volume that holds data is measured by its blocks, and counts as little',
    changes: [{ file: WRITTEN, find: '  if (holdsMuch) return { written: true }\n', replace: '' }],
    tests: [ANSWERS],
  },
  {
    name: 'whether a volume was written to is what its first attachment said',
    changes: [
      {
        file: ATTACHMENTS,
        find: 'attachment.written ? {} : await',
        replace: 'attachment.written || signal === undefined ? {} : await',
      },
    ],
    tests: [ANSWERS, 'test/behaviour/storage/attachment-records.test'],
  },
  {
    name: 'a file system on a volume counts as no data beside its parent dataset',
    changes: [
      {
        file: BLANK,
        find: 'Math.min(LARGEST_BLANK_BYTES, Math.max(SMALLEST_BLANK_BYTES, beside))',
        replace: 'Math.max(SMALLEST_BLANK_BYTES, beside)',
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a new volume on raidz of large sectors cannot be used',
    changes: [
      {
        file: BLANK,
        find: 'Math.min(LARGEST_BLANK_BYTES, Math.max(SMALLEST_BLANK_BYTES, beside))',
        replace: 'Math.max(SMALLEST_BLANK_BYTES, Math.min(beside, SMALLEST_BLANK_BYTES))',
      },
    ],
    tests: [RECORDED_FIGURES, ANSWERS],
  },
  {
    name: 'few bytes on a disk without a label are taken for its label',
    changes: [
      {
        file: FORMATTING,
        find: "content.kind === 'blank' && content.labelled === true",
        replace: "content.kind !== 'other'",
      },
    ],
    tests: [PROBES, ANSWERS],
  },
  {
    name: 'few bytes on a disk that somebody else has labelled are taken for its label',
    changes: [{ file: FORMATTING, find: 'isLabelled && isOwn)', replace: 'isLabelled)' }],
    tests: [PROBES],
  },
  {
    name: 'many bytes on a labelled disk are taken for its label',
    changes: [
      {
        file: FORMATTING,
        find: '(request.little === true && isLabelled && isOwn)',
        replace: '(isLabelled && isOwn)',
      },
    ],
    tests: [PROBES],
  },
  {
    name: 'files in the parent dataset hide how much was written beside a label',
    changes: [
      {
        file: 'src/storage/attachments/written.ts',
        find: '  return holdsData(volume, fileSystem, dataset)\n',
        replace: '  return holdsMuch\n',
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'a disk that a cut call has labelled is never formatted',
    changes: [
      {
        file: 'src/guest/solaris/contents.ts',
        find: "{ kind: 'blank', labelled: true }",
        replace: "{ kind: 'blank' }",
      },
    ],
    tests: [ANSWERS],
  },
  {
    name: 'the guest does not hear that little was written',
    changes: [
      {
        file: CONTEXTS,
        find: '    ...(little === undefined ? {} : { little: String(little) }),\n',
        replace: '',
      },
    ],
    tests: [REQUESTS],
  },
]
