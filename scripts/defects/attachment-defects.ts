// Defects of attachments: records, views, disk numbers. Data only.

import type { Defect } from './table.ts'

const ATTACHMENTS = 'src/storage/attachments/attachments.ts'
const DETACHING = 'src/storage/attachments/detachment.ts'
const RECORDS = 'src/storage/attachments/records.ts'
const RULES = 'src/storage/attachments/rules.ts'
const STRANGERS = 'src/storage/attachments/strangers.ts'
const USES = 'src/storage/uses.ts'
const UNITS = 'src/storage/designs/lun/units.ts'

const RECORDED = 'test/behaviour/storage/attachment-'
const PROMISES = 'test/behaviour/storage/promises'
const MATRIX = 'test/behaviour/crash/matrix.test'
const SNAPSHOTS = 'test/behaviour/storage/snapshots'
const HISTORIES = 'test/behaviour/histories/histories.test'
const WITH_FAULTS = 'test/behaviour/histories/with-faults.test'
const UNKNOWN_POOL = 'src/storage/attachments/unknown-pool.ts'
const UNKNOWN = 'test/behaviour/storage/unknown-pool.test'

export const ATTACHMENT_DEFECTS: readonly Defect[] = [
  {
    name: 'the record is written after the export',
    changes: [
      {
        file: ATTACHMENTS,
        find: '? await createRecord(place, { attachment: { ...planned, slot }, sharing }, signal)\n',
        replace: "? { ...planned, slot, dataset: '' }\n",
      },
      {
        file: ATTACHMENTS,
        find: '    const exported = await this.#export(\n      place,\n      { volume, attachment, records, machine, state },\n      signal,\n    )\n',
        replace: `    const early = await this.#export(place, { volume, attachment, records, machine, state }, signal)
    const late = record === undefined ? await createRecord(place, { attachment: early.attachment, sharing: reading.sharing }, signal) : early.attachment
    const exported = { ...early, attachment: late }
`,
      },
    ],
    tests: [PROMISES, MATRIX, WITH_FAULTS],
  },
  {
    name: 'a shared attachment has no record',
    changes: [
      {
        file: RECORDS,
        find: '    await create(dataset, formatRecordProperties(attachment, pool.cluster))\n',
        replace:
          "    if (attachment.sharing === 'exclusive') await create(dataset, formatRecordProperties(attachment, pool.cluster))\n",
      },
    ],
    tests: [SNAPSHOTS, PROMISES, HISTORIES],
  },
  {
    name: 'the record is released before the disk is gone',
    changes: [
      {
        file: DETACHING,
        find: '  let after = state\n',
        replace:
          '  if (marked !== undefined) await releaseRecord(place, marked, signal)\n  let after = state\n',
      },
      {
        file: DETACHING,
        find: '  return {\n    record: marked,\n    hides: !keepsView',
        replace: '  return { record: undefined, hides: !keepsView',
      },
    ],
    tests: [PROMISES, MATRIX, WITH_FAULTS],
  },
  {
    name: 'a detachment skips the second path',
    changes: [
      {
        file: USES,
        find: '...exports.sort((a, b) => order(a) - order(b))]',
        replace: '...exports.sort((a, b) => order(a) - order(b)).slice(0, 1)]',
      },
    ],
    tests: ['test/unit/attach-plan', 'test/behaviour/storage/life-cycle.test'],
  },
  {
    name: 'the view is never removed',
    changes: [
      {
        file: DETACHING,
        find: 'hides: !keepsView && (record !== undefined || !isExported(place, after)),\n  }',
        replace: 'hides: false }',
      },
    ],
    tests: ['test/behaviour/storage/life-cycle.test', HISTORIES],
  },
  {
    name: 'a view that another guest of the machine needs is removed',
    changes: [
      {
        file: DETACHING,
        find: '    const keepsView = left.some(other => other.guest.machine === guest.machine)\n',
        replace: '    const keepsView = false\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'the view is added before strangers are looked for',
    changes: [
      {
        file: ATTACHMENTS,
        find: '    const state = await withoutStrangers(',
        replace: `    if (pool.design.canFence) {
      const lun = { number: preferredLun(place.leaf), replace: async () => {} }
      const recordedOn = new Set([guest.machine, ...records.map(other => other.guest.machine)])
      await pool.design.expose(place, { machine, machineName: guest.machine, sizeBytes: volume.sizeBytes, lun, recordedOn }, signal)
    }
    const state = await withoutStrangers(`,
      },
      {
        file: ATTACHMENTS,
        find: "import { attachmentName, isReleasingRecord } from '../names.ts'",
        replace: "import { attachmentName, isReleasingRecord, preferredLun } from '../names.ts'",
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'the view is not looked at before strangers are removed',
    changes: [
      {
        file: STRANGERS,
        find: '(await place.pool.design.isFenced(place, signal))) {\n',
        replace: 'true) {\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a foreign export of the volume is ignored when it is attached',
    changes: [
      {
        file: STRANGERS,
        find: '  if (what === undefined) return state\n',
        replace: '  if (strangers !== undefined) return state\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'an attachment to another guest is not refused',
    changes: [
      {
        file: RULES,
        find: "  const isAnothers =\n    sharing === 'exclusive' && (owner === undefined || formatGuestId(owner) !== guest)\n",
        replace: '  const isAnothers = false as boolean\n',
      },
    ],
    tests: ['test/unit/attach-plan', HISTORIES],
  },
  {
    name: 'a view that no record explains is let be',
    changes: [
      {
        file: UNITS,
        find: '    if (other === undefined) return\n    throw new StorageError(\n',
        replace: '    if (other !== null) return\n    throw new StorageError(\n',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a view for everybody is no view of a machine',
    changes: [
      {
        file: UNITS,
        find: 'const groups = [this.#hostGroup(machineName), EVERYBODY]',
        replace: 'const groups = [this.#hostGroup(machineName)]',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'views are counted, not compared',
    changes: [
      {
        file: UNITS,
        find: '[...machineNames].every(machine => groups.has(this.#hostGroup(machine)))',
        replace: 'groups.size >= machineNames.size',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a view without a record stays for ever',
    changes: [
      {
        file: DETACHING,
        find: 'hides: !keepsView && (record !== undefined || !isExported(place, after)),\n  }',
        replace: 'hides: !keepsView && record !== undefined }',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a record is released by the name under which somebody may have made it anew',
    changes: [
      {
        file: RECORDS,
        find: '  if (!isGuestRecord(record.dataset) || isReleasingRecord(record.dataset)) return record\n',
        replace: '  if (place !== undefined) return record\n',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'the record is not looked at again before an attachment is answered',
    changes: [
      {
        file: ATTACHMENTS,
        find: '    await confirm(\n      place,\n      { attachment: exported.attachment, machine, after: exported.after },\n      signal,\n    )\n',
        replace: '',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'the number of a recorded disk that is lost is given to another volume',
    changes: [
      {
        file: ATTACHMENTS,
        find: 'others.set(other, slot)\n      }\n      others.delete(name)\n',
        replace: 'if (slot < 0) others.set(other, slot)\n      }\n      others.delete(name)\n',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'attachments at once do not know of each other',
    changes: [{ file: ATTACHMENTS, find: '      numbers.choose(name, slot)\n', replace: '' }],
    tests: [RECORDED],
  },
  {
    name: 'a guest that no rule speaks of gets a disk',
    changes: [
      {
        file: RULES,
        find: '  if (rule === undefined) {\n',
        replace: '  if (guest === undefined) {\n',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a file system is given to guests raw',
    changes: [{ file: RULES, find: '  checkFormat(request, volume)\n', replace: '' }],
    tests: [RECORDED],
  },
  {
    name: 'exports that a person left without a disk count as the disk that a guest runs from',
    changes: [
      { file: DETACHING, find: 'if (hasDisk && isBoot', replace: 'if (own.length > 0 && isBoot' },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a Linux guest loses the disk that it runs from',
    changes: [
      {
        file: DETACHING,
        find: "  if (hasDisk && isBoot && readiness !== undefined && readiness.kind !== 'off') {\n",
        replace: '  if (isBoot && place === undefined) {\n',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a live attachment is refused while its machine waits for a reboot',
    changes: [
      {
        file: ATTACHMENTS,
        find: '    const state = await withoutStrangers(place',
        replace:
          '    refuseFrozen(guest.machine, observed)\n    const state = await withoutStrangers(place',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'growth of a raw volume that a Linux guest does not see is said to be done',
    changes: [
      {
        file: 'src/storage/volumes/changes.ts',
        find: "format.kind === 'filesystem' ||\n      records",
        replace: "format.kind === 'filesystem' && records",
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a disk whose number somebody has changed is waited for',
    changes: [
      {
        file: ATTACHMENTS,
        find: '    if (record !== undefined) refuseRenumbered(place, record, state)\n',
        replace: '',
      },
    ],
    tests: [RECORDED],
  },
  {
    name: 'a volume of an unknown pool is detached though its machine shows it',
    changes: [
      {
        file: UNKNOWN_POOL,
        find: 'if (found !== undefined) throw',
        replace: "if (found === '') throw",
      },
    ],
    tests: [UNKNOWN],
  },
  {
    name: 'a volume of an unknown pool is detached while a command for it may be at work',
    changes: [
      {
        file: UNKNOWN_POOL,
        find: '  await machine.settled([volume.leaf], signal)\n',
        replace: '',
      },
    ],
    tests: [UNKNOWN],
  },
  {
    name: 'a volume of an unknown pool is detached from a guest that has moved',
    changes: [
      {
        file: UNKNOWN_POOL,
        find: '    case undefined:\n',
        replace: "    case undefined:\n      return\n    case 'changing' as never:\n",
      },
    ],
    tests: [UNKNOWN],
  },
  {
    name: 'a record on a machine that was removed is waited for, and nobody is told',
    changes: [
      {
        file: 'src/storage/attachments/detachment.ts',
        find: "record !== undefined) {\n    throw new StorageError(\n      'failed-precondition'",
        replace: "record !== undefined) {\n    throw new StorageError(\n      'unavailable'",
      },
    ],
    tests: [UNKNOWN],
  },
]
