// Defects of `apply`: it reports success although objects of earlier runs were forgotten. Data
// only.

import type { Defect } from './table.ts'

const EDITED = 'test/behaviour/apply/edited-files.test'
const MEANWHILE = 'test/behaviour/apply/meanwhile.test'
const GUEST_OFF = 'test/behaviour/apply/guest-off.test'

export const APPLY_DEFECTS: readonly Defect[] = [
  {
    name: 'a volume that has lost its properties counts as deleted',
    changes: [
      {
        file: 'src/apply/plugins.ts',
        find: "      if (error instanceof RpcError && error.code === 'NOT_FOUND') return\n      throw error\n",
        replace: '      return\n',
      },
    ],
    tests: ['test/behaviour/apply/changes.test'],
  },
  {
    name: 'a claim whose class is of another pool now gets a second volume',
    changes: [
      {
        file: 'src/apply/plugins.ts',
        find: '    if (found.length === 0) return undefined\n',
        replace: '    if (own.length === 0) return undefined\n',
      },
    ],
    tests: [EDITED],
  },
  {
    name: 'what is mounted below another path is mounted in the order of the files',
    changes: [
      {
        file: 'src/manifests/order.ts',
        find: '      return [keyOf(object), [...from, ...below]]\n',
        replace: '      return [keyOf(object), below.length > 0 ? from : [...from]]\n',
      },
    ],
    tests: [EDITED],
  },
  {
    name: 'a volume is not detached from guests that the claim does not name, and that is a success',
    changes: [
      {
        file: 'src/apply/apply.ts',
        find: '      if (!isNamed) refuseOtherGuests(claim, found)\n',
        replace: '      if (!isNamed) tools.print(claim.name)\n',
      },
    ],
    tests: [EDITED],
  },
  {
    name: 'a changed mount path leaves the volume at both',
    changes: [
      {
        file: 'src/steps/mount.ts',
        find: 'volume_capability: capabilityAtPath(disk)',
        replace: 'volume_capability: capabilityOf(disk)',
      },
    ],
    tests: [EDITED],
  },
  {
    name: 'a disk that is only read is attached writable',
    changes: [
      {
        file: 'src/steps/attach.ts',
        find: '      readonly: readOnly,\n',
        replace: '      readonly: readOnly && guest === disk.name,\n',
      },
    ],
    tests: ['test/behaviour/apply/guest-disks.test'],
  },
  {
    name: 'a disk is mounted without the options of its own',
    changes: [
      {
        file: 'src/steps/disk.ts',
        find: 'new Set([...ofVolume, ...ofDisk])',
        replace: 'new Set(ofVolume.length > 0 ? ofVolume : ofDisk)',
      },
    ],
    tests: ['test/behaviour/apply/apply.test'],
  },
  {
    name: 'a disk of a guest that is off is detached without looking whether the guest runs',
    changes: [
      {
        file: 'src/steps/attach.ts',
        find: 'conditions: { onlyWhileOff }',
        replace: 'conditions: { onlyWhileOff: onlyWhileOff && name === guest }',
      },
    ],
    tests: [GUEST_OFF],
  },
  {
    name: 'a GuestDisk gives a claim of one guest to a second one',
    changes: [
      {
        file: 'src/manifests/guest-disks.ts',
        find: "places.length > 0 && (access === 'one-guest'",
        replace: "places.length > 1 && (access === 'one-guest'",
      },
    ],
    tests: ['test/unit/manifests-guest-disks.test'],
  },
  {
    name: 'a GuestDisk gives a claim to a guest that has it by an annotation',
    changes: [
      {
        file: 'src/manifests/guest-disks.ts',
        find: '  if (places.some(place => place.guest === guest)) {\n',
        replace: '  if (places.some(place => place.guest === name)) {\n',
      },
    ],
    tests: ['test/unit/manifests-guest-disks.test'],
  },
  {
    name: 'two claims are mounted at one path when a GuestDisk says so',
    changes: [
      {
        file: 'src/manifests/guest-disks.ts',
        find: '    places.push({ where, value: place })\n',
        replace: '',
      },
    ],
    tests: ['test/unit/manifests-guest-disks.test'],
  },
  {
    name: 'files in which nothing is to be done are a success without a word',
    changes: [
      {
        file: 'src/apply/apply.ts',
        find: "  if (objects.length === 0) tools.print('no claim and",
        replace: "  if (objects.length < 0) tools.print('no claim and",
      },
    ],
    tests: [EDITED],
  },
  {
    name: 'bytes of a manifest that are no text are replaced by others',
    changes: [
      {
        file: 'src/manifests/files.ts',
        find: "'utf-8', { fatal: true }",
        replace: "'utf-8', { fatal: false }",
      },
    ],
    tests: ['test/behaviour/apply/command.test'],
  },
  {
    name: 'a mount path that no guest has room for is known when the volume is attached',
    changes: [
      {
        file: 'src/model/guest-disks.ts',
        find: '  if (!isTooLong) return undefined\n',
        replace: '  if (!isTooLong || path.length > 0) return undefined\n',
      },
    ],
    tests: ['test/unit/manifests.test'],
  },
  {
    name: 'the machine is not looked at again when a disk of a guest that was off is removed',
    changes: [
      {
        file: 'src/hypervisors/ldoms/objects.ts',
        find: "    if (step.only === 'while-off') {\n",
        replace: '    if (step.name === step.guest) {\n',
      },
    ],
    tests: [GUEST_OFF],
  },
  {
    name: 'a guest that may run is fenced while it should only lose a disk when it is off',
    changes: [
      {
        file: 'src/storage/attachments/detachment.ts',
        find: ' && !keepsView && only === undefined) {',
        replace: ' && !keepsView) {',
      },
    ],
    tests: [GUEST_OFF],
  },
  {
    name: 'a guest is asked again with what the controller said of the volume before',
    changes: [{ file: 'src/apply/giving.ts', find: '    unused = undefined\n', replace: '' }],
    tests: [MEANWHILE],
  },
  {
    name: 'a guest that is not listed while it reboots ends the wait for it',
    changes: [
      {
        file: 'src/apply/giving.ts',
        find: "    error.code === 'NOT_FOUND'\n",
        replace: "    error.code === 'OK'\n",
      },
    ],
    tests: [MEANWHILE],
  },
  {
    name: 'a controller that does not know the condition is asked to detach all the same',
    changes: [
      {
        file: 'src/apply/taking.ts',
        find: '    if (!plugins.knowsConditions) {\n',
        replace: '    if (disk === undefined) {\n',
      },
    ],
    tests: [GUEST_OFF],
  },
  {
    name: 'a file that is no manifest is told in full',
    changes: [
      {
        file: 'src/manifests/documents.ts',
        find: 'wrong.slice(0, PROBLEMS_SHOWN)',
        replace: 'wrong',
      },
    ],
    tests: ['test/unit/manifests.test'],
  },
  {
    name: 'mistakes in a file are told in words of its reader',
    changes: [
      {
        file: 'src/config/problems.ts',
        find: 'message: inWords(issue) }',
        replace: 'message: issue.message }',
      },
    ],
    tests: ['test/unit/config.test'],
  },
  {
    name: 'a list as kubectl prints it is one object',
    changes: [
      {
        file: 'src/manifests/documents.ts',
        find: "value.kind !== 'List') return",
        replace: "value.kind === 'List') return",
      },
    ],
    tests: ['test/unit/manifests.test'],
  },
  {
    name: 'a second simulated installation is served in the directory of another',
    changes: [
      {
        file: 'sim/control.ts',
        find: '  if (await isAnswered(path)) {\n',
        replace: '  if (path === undefined) {\n',
      },
    ],
    tests: ['test/behaviour/simulator/serve.test'],
  },
  {
    name: 'dd at the prompt of a simulated host says that it wrote, and did not',
    changes: [
      {
        file: 'sim/dd.ts',
        find: "  if (to === '/dev/null') return\n",
        replace: "  if (to === '/dev/null' || seek > 0) return\n",
      },
    ],
    tests: ['test/behaviour/simulator/dd.test'],
  },
]
