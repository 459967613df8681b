// Defects of the node plugin and its connection to the guest: what is formatted, and what counts as
// an answer. Data only.

import type { Defect } from './table.ts'

const FORMATTING = 'src/guest/formatting.ts'
const MARKS = 'src/guest/marks.ts'
const MOUNTING = 'src/guest/mounting.ts'
const PLACES = 'src/guest/places.ts'
const PUBLICATION = 'src/guest/publication.ts'
const STAGE = 'src/guest/staging.ts'
const GROWTH = 'src/guest/growth.ts'
const LINUX_CONTENTS = 'src/guest/linux/contents.ts'
const LINUX_HOLDERS = 'src/guest/linux/holders.ts'
const SOLARIS_CONTENTS = 'src/guest/solaris/contents.ts'

const STAGING = 'test/behaviour/guest/staging'
const IDENTITY = 'test/behaviour/guest/identity.test'
const OWNERSHIP = 'test/behaviour/guest/ownership.test'
const RAW = 'test/behaviour/guest/ownership-raw.test'
const MOUNT_OPTIONS = 'test/behaviour/guest/mount-options.test'
const KERNEL = 'test/behaviour/guest/linux-kernel.test'
const PROMISES = 'test/behaviour/storage/promises'
const HISTORIES = 'test/behaviour/histories/histories.test'

export const GUEST_DEFECTS: readonly Defect[] = [
  {
    name: 'a caller whose deadline passes is not told that the guest shows no disk',
    changes: [
      {
        file: 'src/guest/disk-search.ts',
        find: 'signal?.aborted && looks',
        replace: 'false && looks',
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'a raw volume is said to be full',
    changes: [
      {
        file: GROWTH,
        find: '{ total, used: 0, available: 0 }',
        replace: '{ total, used: total, available: 0 }',
      },
    ],
    tests: [RAW],
  },
  {
    name: 'a path with a blank makes the label of a disk unreadable',
    changes: [
      {
        file: 'src/guest/solaris/label-table.ts',
        find: '(?: +.*)?$/)\n',
        replace: '(?: +\\S+)?$/)\n',
      },
    ],
    tests: ['test/unit/solaris-tables.test'],
  },
  {
    name: 'labels of SELinux are refused for their commas',
    changes: [
      {
        file: 'src/model/mount-options.ts',
        find: '  if (SELINUX_OPTION.test(option)) return undefined\n',
        replace: '',
      },
    ],
    tests: [MOUNT_OPTIONS],
  },
  {
    name: 'a file system that cannot grow is not staged',
    changes: [
      {
        file: MOUNTING,
        find: "      if (!isStorageError(error) || error.kind === 'unavailable') throw error\n",
        replace: '      throw error\n',
      },
    ],
    tests: [KERNEL],
  },
  {
    name: 'statistics are answered for whatever is mounted at the path',
    changes: [
      {
        file: PLACES,
        find: '      if (!isOfVolume(volumeId, { ...mounted, path }, notes)) throw missing()\n',
        replace: '',
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'status 2 of blkid is taken for a blank disk without reading it',
    changes: [
      {
        file: LINUX_CONTENTS,
        find: '    const zero = await this.#readsZero(device, signal)\n    const signatures',
        replace:
          "    if (found.exitStatus === 2) return { kind: 'blank' }\n    const zero = await this.#readsZero(device, signal)\n    const signatures",
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'a disk that cannot be read is taken for a blank one',
    changes: [
      {
        file: LINUX_CONTENTS,
        find: "await this.#readsZero(device, signal)\n    const signatures = await this.#tool.read([WIPEFS, '-n', about], { about, signal })\n",
        replace:
          "await this.#readsZero(device, signal).catch(() => true)\n    const signatures = await this.#tool.read([WIPEFS, '-n', about], { about, signal }).catch(() => found)\n",
      },
    ],
    tests: [PROMISES],
  },
  {
    name: 'any failure to read a label is taken for an unlabelled disk',
    changes: [
      {
        file: 'src/guest/solaris/failures.ts',
        find: 'geometry errno = 0x16\\b/',
        replace: 'geometry errno = 0x/',
      },
    ],
    tests: [STAGING, 'test/behaviour/bad-days/guest.test'],
  },
  {
    name: 'a read-only disk is mounted without the log of its file system',
    changes: [
      {
        file: 'src/guest/linux/mounts.ts',
        find: "    if (request.diskReadonly) {\n      await this.#tool.write([BLOCKDEV, '--setro', blockPath], { about: blockPath, signal })\n    }\n",
        replace:
          "    if (request.diskReadonly) options.push(kind === 'ext4' ? 'noload' : 'norecovery')\n",
      },
    ],
    tests: ['test/behaviour/guest/failures.test', 'test/behaviour/apply/changes.test'],
  },
  {
    name: 'the disk number alone says whose disk it is',
    changes: [
      {
        file: MARKS,
        find: '    if (mark === undefined || !this.#contents.isDriverMark(mark)) return\n',
        replace: '    if (mark === undefined || device.sizeBytes > 0) return\n',
      },
    ],
    tests: [IDENTITY],
  },
  {
    name: 'a Linux guest does not ask a file system whose it is',
    changes: [
      {
        file: LINUX_CONTENTS,
        find: '    return isFileSystemUuid(mark)\n',
        replace: "    return mark === ''\n",
      },
    ],
    tests: [IDENTITY],
  },
  {
    name: 'a Solaris guest does not ask a label whose it is',
    changes: [
      {
        file: SOLARIS_CONTENTS,
        find: '    return isLabelName(mark)\n',
        replace: "    return mark === ''\n",
      },
    ],
    tests: [IDENTITY],
  },
  {
    name: 'a request with an outdated disk number takes the note of the volume that has the disk',
    changes: [
      {
        file: STAGE,
        find: '      await this.#marks.refuseStranger(device, request, signal)\n',
        replace: '',
      },
    ],
    tests: [IDENTITY],
  },
  {
    name: 'a volume that the guest has used before is formatted when its file system is lost',
    changes: [
      {
        file: FORMATTING,
        find: '    if (await this.#notes.isUsed(plan.request, signal)) {\n',
        replace:
          '    if (plan.request.written && (await this.#notes.isUsed(plan.request, signal))) {\n',
      },
    ],
    tests: [IDENTITY],
  },
  {
    name: 'the size of a disk is sought on a line of its own, which older releases do not begin for it',
    changes: [
      { file: 'src/guest/solaris/tables.ts', find: '(?:^|\\S +)Size: ', replace: '^Size: ' },
    ],
    tests: [STAGING],
  },
  {
    name: 'a disk whose name is cut at 16 characters is not found in its own description',
    changes: [
      {
        file: 'src/iscsi/devices.ts',
        find: 'device.length > CUT_NAME && nameAt(at) === cut',
        replace: 'nameAt(at) === device',
      },
    ],
    tests: ['test/unit/iscsiadm.test'],
  },
  {
    name: 'a copy is formatted',
    changes: [
      {
        file: FORMATTING,
        find: '  if (!request.createdEmpty) {\n',
        replace: '  if (!request.createdEmpty && request.written) {\n',
      },
    ],
    tests: [STAGING, HISTORIES],
  },
  {
    name: 'a volume that the storage side counts bytes on is formatted',
    changes: [
      {
        file: FORMATTING,
        find: '  if (request.written && !(',
        replace: '  if (request.written && device.sizeBytes < 0 && !(',
      },
    ],
    tests: [STAGING, HISTORIES],
  },
  {
    name: 'a disk of another size is formatted',
    changes: [
      {
        file: FORMATTING,
        find: '  if (device.sizeBytes !== request.sizeBytes && device.sizeBytes !== request.grownTo) {\n',
        replace: '  if (device.sizeBytes < request.sizeBytes) {\n',
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'a disk that something holds is formatted',
    changes: [
      {
        file: FORMATTING,
        find: '    const holders = [...mounted, ...(await this.#platform.disks.listHolders(device, signal))]\n',
        replace: '    const holders = mounted\n',
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'unstaging does not look whether the device is still used',
    changes: [
      {
        file: STAGE,
        find: '      refuseWhileUsed(blockPath, pathsBesides(uses, device, stagingPath))\n',
        replace: '',
      },
    ],
    tests: ['test/behaviour/guest/publishing', STAGING, HISTORIES],
  },
  {
    name: 'an ssh channel that closes without a status is a success',
    changes: [
      {
        file: 'src/shell/ssh/execution.ts',
        find: '    if (this.#exitStatus === undefined) {\n',
        replace: '    if (this.#exitStatus === undefined && this.#signal !== undefined) {\n',
      },
      {
        file: 'src/shell/ssh/execution.ts',
        find: '    const exitStatus = this.#exitStatus\n',
        replace: '    const exitStatus = this.#exitStatus ?? 0\n',
      },
    ],
    tests: ['test/behaviour/ssh/ssh.test'],
  },
  {
    name: 'a host key that is not pinned is accepted',
    changes: [
      {
        file: 'src/shell/ssh/known-hosts.ts',
        find: "  return pinned.length > 0 ? 'differs' : 'unknown'\n",
        replace: "  return pinned.length > 0 ? 'differs' : 'known'\n",
      },
    ],
    tests: ['test/unit/shell-known-hosts.test', 'test/behaviour/ssh/ssh.test'],
  },
  {
    name: 'what the system refuses to start on this machine is taken for a bug',
    changes: [
      {
        file: 'src/shell/local.ts',
        find: '      return Promise.reject(notStarted(command, error))\n',
        replace: '      return Promise.reject(error)\n',
      },
    ],
    tests: ['test/unit/shell-local.test'],
  },
  {
    name: 'a process line that was cut short is not recognised',
    changes: [
      {
        file: 'src/shell/processes.ts',
        find: 'if (rest === wanted || (isTruncated(line) && wanted.startsWith(rest))) return true',
        replace: 'if (rest === wanted) return true',
      },
    ],
    tests: ['test/unit/shell-late-effects.test', HISTORIES],
  },
  {
    name: 'a process line whose last shown character was a blank is not taken for a cut one',
    changes: [
      {
        file: 'src/shell/processes.ts',
        find: 'const CUT_FROM = 77\n',
        replace: 'const CUT_FROM = 79\n',
      },
    ],
    tests: ['test/unit/shell-late-effects.test'],
  },
  {
    name: 'the login shell that is going to run a command is not taken for it',
    changes: [
      {
        file: 'src/shell/processes.ts',
        find: "  return text.replace(/[^A-Za-z0-9_@%+:,./=-]/g, '')\n",
        replace: '  return text\n',
      },
    ],
    tests: ['test/unit/shell-late-effects.test'],
  },
  {
    name: 'what an earlier process sent at its end is given no time to start',
    changes: [
      {
        file: 'src/shell/late-effects.ts',
        find: '    const youngestMs = Math.max(\n      this.#arrivedAtMs,',
        replace: '    const youngestMs = Math.max(0, ',
      },
    ],
    tests: ['test/unit/shell-late-effects.test'],
  },
  {
    name: 'a connection that is given up is closed, and the kernel sends the rest later',
    changes: [
      {
        file: 'src/shell/ssh/resetting-socket.ts',
        find: '    return this.resetAndDestroy()\n',
        replace: '    return super.destroy(error)\n',
      },
    ],
    tests: ['test/unit/resetting-socket.test', 'test/behaviour/ssh/ssh.test'],
  },
  {
    name: 'variables stand before a command without env',
    changes: [
      {
        file: 'src/shell/ssh/ssh.ts',
        find: "['/usr/bin/env', 'LC_ALL=C',",
        replace: "['LC_ALL=C',",
      },
    ],
    tests: ['test/behaviour/ssh/ssh.test'],
  },
  {
    name: 'a controller sweeps before it listens',
    changes: [
      {
        file: 'src/bin/commands/plugin.ts',
        find: '  const endpoint = options.endpoint ?? process.env.CSI_ENDPOINT\n',
        replace: '  start()\n  const endpoint = options.endpoint ?? process.env.CSI_ENDPOINT\n',
      },
    ],
    tests: ['test/behaviour/apply/command.test'],
  },
  {
    name: 'a driver that has just started does not ask for late commands',
    changes: [
      {
        file: 'src/shell/late-effects.ts',
        find: '  #wasAsked = false\n',
        replace: '  #wasAsked = true\n',
      },
    ],
    tests: ['test/unit/shell-late-effects.test', HISTORIES],
  },
  {
    name: 'what is mounted at a path is taken for the volume’s',
    changes: [
      {
        file: PLACES,
        find: '  const owner = notes.ownerOf(found.source)\n  if (owner === volumeId) return true\n',
        replace:
          "  const owner = notes.ownerOf(found.source)\n  if (found.source !== '') return true\n  if (owner === volumeId) return true\n",
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'a mistyped staging directory is taken for an unstaged volume',
    changes: [
      {
        file: STAGE,
        find: '    await this.#proveNotedReleased(volumeId, notes, signal)\n',
        replace: '',
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'a directory that was there before publishing is removed',
    changes: [
      {
        file: PUBLICATION,
        find: "if (isOurs && note !== 'kept')",
        replace: 'if (isOurs)',
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'a target is mounted over whatever it holds',
    changes: [
      {
        file: PUBLICATION,
        find: '    if (inside !== undefined) {\n',
        replace: "    if (inside === '') {\n",
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'a file system that the kernel still works on counts as let go',
    changes: [
      {
        file: LINUX_HOLDERS,
        find: 'if (live !== undefined) {\n        kernel.push',
        replace: "if (live !== undefined && name === '') {\n        kernel.push",
      },
    ],
    tests: [KERNEL],
  },
  {
    name: 'a raw disk that is open through another node counts as let go',
    changes: [
      {
        file: LINUX_HOLDERS,
        find: '...(await this.#processesOf(device, signal)),\n    ]',
        replace: '...(await this.#processesOf(device, signal)).slice(1000)]',
      },
    ],
    tests: [KERNEL],
  },
  {
    name: 'a raw volume that is attached writable is published for readers',
    changes: [
      {
        file: PUBLICATION,
        find: "if (readonly && request.mode === 'rw')",
        replace: "if (readonly && request.mode !== 'ro' && request.slot < 0)",
      },
    ],
    tests: [RAW],
  },
  {
    name: 'a file system that was shut down is published',
    changes: [
      {
        file: PUBLICATION,
        find: '    await refuseFailed(this.#paths, { mounted: staged, path: stagingPath }, signal)\n',
        replace: '',
      },
    ],
    tests: [KERNEL],
  },
  {
    name: 'other mount options than those in effect are confirmed',
    changes: [
      {
        file: STAGE,
        find: 'noted.options !== options',
        replace: "noted.options === ''",
      },
    ],
    tests: [MOUNT_OPTIONS],
  },
  {
    name: 'growth that a guest will never see by itself is asked for again and again',
    changes: [
      {
        file: GROWTH,
        find: "this.#platform.disks.seesGrowth ? 'unavailable' : 'failed-precondition'",
        replace: "'unavailable'",
      },
    ],
    tests: ['test/behaviour/guest/publishing.test'],
  },
  {
    name: 'a covered mount is taken for a publication',
    changes: [
      {
        file: 'src/guest/platform.ts',
        find: 'return index < 0 || isHidden ? undefined : rows[index]',
        replace: "return index < 0 || (isHidden && path === '') ? undefined : rows[index]",
      },
    ],
    tests: [OWNERSHIP],
  },
  {
    name: 'a stale note of a raw volume blocks its staging',
    changes: [
      {
        file: 'src/guest/block-records.ts',
        find: '      await this.#removeStaleTargets(noted, stagingPath, signal)\n      await this.#paths.remove(deviceLink(stagingPath), signal)\n',
        replace: "      throw new Refusal('already-exists', noted)\n",
      },
    ],
    tests: [RAW],
  },
  {
    name: 'a mount option that makes a loop device is let through',
    changes: [
      {
        file: 'src/model/mount-options.ts',
        find: 'loop|offset|sizelimit|',
        replace: 'loop|',
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'the publish flag ro is confirmed and does nothing',
    changes: [
      {
        file: PUBLICATION,
        find: "request.readonly || staged.readonly || options.includes('ro')",
        replace: 'request.readonly || staged.readonly',
      },
    ],
    tests: [MOUNT_OPTIONS],
  },
  {
    name: 'a volume that grew before it was formatted never is',
    changes: [
      {
        file: FORMATTING,
        find: ' && device.sizeBytes !== request.grownTo) {',
        replace: ') {',
      },
    ],
    tests: ['test/behaviour/guest/grown-before-staging.test'],
  },
  {
    name: 'a file system of a newer system is called damaged',
    changes: [
      {
        file: 'src/guest/linux/file-systems.ts',
        find: 'const NEWER_FORMAT = /has unsupported feature\\(s\\)|Get a newer version of e2fsck/',
        replace: 'const NEWER_FORMAT = /^$^/',
      },
    ],
    tests: [STAGING],
  },
  {
    name: 'a refused mount does not say which options were asked for',
    changes: [
      {
        file: 'src/guest/mounting.ts',
        find: '    if (!isRefused || options.length === 0) throw error\n',
        replace: '    if (isRefused || options.length === 0) throw error\n',
      },
    ],
    tests: ['test/behaviour/guest/mount-options.test'],
  },
]
