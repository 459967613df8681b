// Disks that a guest does not show, or shows as what they are not, and labels that it cannot read.

import { MiB, TestDisk } from '../guest/world.ts'
import {
  answers,
  BOTH,
  blank,
  honestAgain,
  SLOT,
  SOLARIS,
  testGuestDays,
  written,
} from './guest-scene.ts'

testGuestDays([
  {
    name: 'the disk never appears',
    on: BOTH,
    disk: world => new TestDisk(SLOT, world.addDisk(7, 600 * MiB).store),
    trouble: () => {},
    kind: 'unavailable',
    says: [
      'silver/v1',
      'disk 100',
      'does not show the disk',
      'attached to the guest',
      'service domain is up',
    ],
    over: world => blank(world),
  },
  {
    name: 'the disk is there and does not answer',
    on: BOTH,
    trouble: (_world, disk) => {
      disk.alive = false
    },
    kind: 'unavailable',
    says: ['service domain is up'],
    over: (_world, disk) => {
      disk.alive = true
    },
  },
  {
    name: 'the disk is smaller than the volume',
    on: BOTH,
    trouble: () => {},
    request: () => ({ sizeBytes: 700 * MiB }),
    kind: 'failed-precondition',
    says: [
      'silver/v1',
      'DISK',
      `bytes, the volume ${700 * MiB}`,
      'another disk',
      'detach and attach',
    ],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 700 * MiB)
    },
  },
  {
    name: 'the blank disk is larger than the volume',
    on: BOTH,
    trouble: () => {},
    request: () => ({ sizeBytes: 500 * MiB }),
    kind: 'failed-precondition',
    says: [
      'silver/v1',
      'DISK',
      'is blank',
      `${600 * MiB} bytes`,
      'another disk',
      'does not format it',
      'has grown',
      'detach and attach',
    ],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 500 * MiB)
    },
  },
  {
    name: 'a whole disk without a label, for a volume that must hold data',
    on: SOLARIS,
    disk: world => world.addDisk(SLOT, 600 * MiB, { shape: 'full' }),
    trouble: () => {},
    request: written,
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'has no label', 'counts data', 'by hand'],
    over: async (world, disk) => {
      await world.volumes.stage(world.stageRequest(disk))
      await world.volumes.unstage(world.stageRequest(disk))
    },
  },
  {
    name: 'the label tool does not know whether there is a label',
    on: SOLARIS,
    disk: world => world.addDisk(SLOT, 600 * MiB, { shape: 'full' }),
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: Unable to read Disk geometry errno = 0x5\n',
      }),
    kind: 'unavailable',
    says: ['c0d100', 'Unable to read Disk geometry', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'the account may not read labels',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: failed to open device: Permission denied\n',
      }),
    kind: 'permission-denied',
    says: ['c0d100', 'Permission denied', 'pfexec or sudo'],
    over: honestAgain,
  },
  {
    name: 'the label is damaged',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: Invalid VTOC\n',
      }),
    kind: 'failed-precondition',
    says: ['c0d100', 'Invalid VTOC', 'by hand'],
    over: honestAgain,
  },
])
