// What of the recorded zfs sessions is not compared byte for byte, each with its reason: entries
// that are left out, entries of which a part is of the machine they were recorded on, and the steps
// of the sessions that were not recorded.

import type { SimDataset } from '../../sim/zfs/model.ts'
import type { SimZfs } from '../../sim/zfs/sim-zfs.ts'

const ALL = /./
const OPENZFS = /^openzfs-2\.\d+\.\d+\.txt$/
const EXTRA = /extra/
const V23 = /fuse/

export interface LeftOut {
  readonly files: RegExp
  readonly command: RegExp
  readonly reason: string
}

export const LEFT_OUT: readonly LeftOut[] = [
  {
    files: /delegation/,
    command: /^\(csi\) zpool (destroy|export) /,
    reason: 'creating and changing pools is not simulated',
  },
  {
    files: OPENZFS,
    command: /^zpool (create|offline) /,
    reason: 'the driver and the simulation never make or change pools',
  },
  {
    files: EXTRA,
    command: /^zpool (create|clear|set|export|import) /,
    reason: 'the simulation sets the state of its pools by fields',
  },
  { files: EXTRA, command: /^zinject /, reason: 'fault injection of the recording' },
  {
    files: OPENZFS,
    command: /^zpool status -j/,
    reason: 'JSON exists in one dialect only and is not used',
  },
  {
    files: /2\.3\.8\.txt/,
    command: /^zfs list -j/,
    reason: 'JSON exists in one dialect only and is not used',
  },
  {
    files: OPENZFS,
    command: /^zfs (program|wait) /,
    reason: 'OpenZFS only, or for administrators; not used',
  },
  { files: /openzfs/, command: /^zfs diff /, reason: 'for file systems; not used' },
  {
    files: OPENZFS,
    command: /(encryption=|enc[1c]( |$|@)|-key )/,
    reason: 'encrypted volumes are not simulated yet',
  },
  { files: ALL, command: /^zfs send /, reason: 'streams are not simulated yet' },
  {
    files: OPENZFS,
    command: /^(sh -c .*zfs (receive|send)|zfs receive |zstream |zfs get .*tank\/r(s|v3)$)/,
    reason: 'streams are not simulated yet',
  },
  {
    files: EXTRA,
    command: /^(sh -c zfs|zdb )/,
    reason: 'streams and internal structures are not simulated',
  },
  {
    files: /openzfs/,
    command: /^zfs get .*written@a/,
    reason: 'bytes of compressed blocks in volumes of the streams section',
  },
  {
    files: /^(openzfs-2\.\d+\.\d+|differential-.*)\.txt$/,
    command: /^(dd|blkdiscard) /,
    reason: 'a tool of the Linux host; its effect is a step',
  },
  {
    files: /2\.[12]\.\d+\.txt/,
    command: /^zfs$/,
    reason: 'the whole usage text is kept for 2.3 only',
  },
  {
    files: EXTRA,
    command: /^zfs (create -s -V 50m p2\/w2?|snapshot p2\/v@b)$/,
    reason: 'blocked in the kernel; the simulation has late effects instead',
  },
  {
    files: V23,
    command: /^(zfs (holds|allow|userspace) |zfs holds -H)/,
    reason: 'zfs-fuse needs a Python helper that it does not have; Solaris does',
  },
  { files: V23, command: /^(zfs|zpool) upgrade -v/, reason: 'tables of versions for people' },
  {
    files: V23,
    command: /^zpool (get|list -Hp|status -p)/,
    reason: 'the usage text of zpool is not kept; the driver asks for name and health only',
  },
]

/** A change of both texts before they are compared; it must be needed somewhere. */
export interface Loosened {
  readonly files: RegExp
  readonly command: RegExp
  readonly reason: string
  /** `recorded` is the text of the transcript, for a change that depends on it. */
  readonly loosen: (text: string, recorded: string) => string
}

export const LOOSENED: readonly Loosened[] = [
  {
    files: ALL,
    command: /^zfs (get|list) .*\b(creation|createtxg|guid|objsetid|available|all)\b/,
    reason: 'time, identity and free space are of the recorded machine',
    loosen: text =>
      text
        .replace(/\b(creation|createtxg|guid|objsetid|available)\t\S+/g, '$1\t*')
        .replace(/(@s6|#[bc])(\t\d+)+$/gm, '$1\t*'),
  },
  {
    files: V23,
    command: /^zfs get -H -p all/,
    reason:
      'an empty file system has another size on zfs-fuse; mounting is not simulated for root of ' +
      'a Solaris pool',
    loosen: text => text.replace(/\b(used|referenced|usedbydataset)\t\d+/g, '$1\t*'),
  },
  {
    files: ALL,
    command: /^(\(csi\) )?zfs (destroy|get .*clones)/,
    reason: 'the order of dependants is unspecified and changes between runs',
    loosen: text =>
      text
        .split('\n')
        .map(line =>
          line.replace(
            /^(clones\t)(.*)$/,
            (_, name: string, list: string) => name + list.split(',').sort().join(','),
          ),
        )
        .sort()
        .join('\n'),
  },
  {
    files: ALL,
    command: /^(zfs|zpool)/,
    reason: 'the recording cut a usage text',
    loosen: (text, recorded) => {
      const kept = recorded.split('\n').findIndex(line => /^\(.* page cut\)$/.test(line))
      return kept < 0 ? text : text.split('\n').slice(0, kept).join('\n')
    },
  },
  {
    files: OPENZFS,
    command: /^zfs holds/,
    reason: 'the time of the recording',
    loosen: text => text.replace(/[A-Z][a-z]{2} [A-Z][a-z]{2} .*$/gm, '*'),
  },
  {
    files: ALL,
    command: /^zpool status/,
    reason: 'device names, error counts and scrub lines are of the recorded machine',
    loosen: text =>
      text
        .replace(/\/?\S*(loop\d|disk0|d0\.img) /, 'disk ')
        .replace(/^ scrub: .*\n/m, '')
        .replace(/ {2,}/g, '  ')
        .replace(/ONLINE {2}3 {2}4 {2}0/, 'ONLINE  0  0  0'),
  },
  {
    files: ALL,
    command: /^zpool (list|get)/,
    reason: 'sizes and identity of the recorded pool',
    loosen: text => text.replace(/\b\d+(\.\d+)?[KMG]?\b(?!\.\d\dx?)/g, '*'),
  },
  {
    files: V23,
    command: /^zfs list /,
    reason: 'an empty file system has another size on zfs-fuse',
    loosen: text => text.replace(/\d+(\.\d+)?[KMG]/g, '*').replace(/ +/g, ' '),
  },
  {
    files: OPENZFS,
    command: /^zfs get .*tank\/thick$/,
    reason: 'the metadata of 800 MiB is not simulated',
    loosen: text =>
      text.replace(/\b(referenced|usedbydataset|usedbyrefreservation)\t\d+/g, '$1\t*'),
  },
]

/** Something that happened in the session before a command without being recorded. */
export interface Step {
  readonly files: RegExp
  readonly before: string
  readonly commands?: readonly string[]
  readonly act?: (zfs: SimZfs) => void
}

const closers = new WeakMap<SimZfs, () => void>()

function dataset(zfs: SimZfs, name: string): SimDataset {
  const found = zfs.dataset(name)
  if (found === undefined) throw new Error(`the session has no ${name} here`)
  return found
}

export const STEPS: readonly Step[] = [
  {
    files: /^differential/,
    before: 'zfs snapshot tank/w@s',
    act: zfs => {
      const { content } = dataset(zfs, 'tank/w')
      content.renew(content.newBlocks(0, 40 * 64 * 1024, undefined))
    },
  },
  {
    files: OPENZFS,
    before: 'zfs destroy tank/busy',
    act: zfs => {
      const close = dataset(zfs, 'tank/busy').volume?.open('a program', false)
      if (close) closers.set(zfs, close)
    },
  },
  { files: OPENZFS, before: 'zfs destroy -r tank/busy2', act: zfs => closers.get(zfs)?.() },
  {
    files: OPENZFS,
    before: 'zfs snapshot tank/thick@full',
    act: zfs => {
      // 800 MiB written with dd; what they are does not matter.
      const { content } = dataset(zfs, 'tank/thick')
      content.renew(content.newBlocks(0, 800 * 1024 * 1024, undefined))
    },
  },
  {
    files: OPENZFS,
    before: 'zfs set snapdev=visible tank/sv',
    commands: ['zfs snapshot tank/sv@a', 'zfs snapshot tank/sv@b'],
  },
  {
    files: /openzfs-.*(\d|extra)\.txt/,
    before: 'zfs create -s -V 50m p2/v',
    act: zfs => {
      zfs.pool('p2').imported = true
    },
  },
  {
    files: EXTRA,
    before: 'zfs destroy -r tank/x',
    commands: [
      'zfs create -s -V 16m tank/x',
      'zfs snapshot tank/x@s',
      'zfs clone tank/x@s tank/xc',
    ],
  },
  {
    files: EXTRA,
    before:
      'zfs get -Hp -o name,property,value,source csi:pool,csi:id,csi:snap tank/pp/a ' +
      'tank/pp/a@s1 tank/pp/b',
    commands: [
      'zfs destroy tank/xc',
      'zfs destroy -r tank/x',
      'zfs create -o csi:pool=yes tank/pp',
      'zfs create -o csi:id=one -V 16m tank/pp/a',
      'zfs snapshot -o csi:snap=s1 tank/pp/a@s1',
      'zfs clone tank/pp/a@s1 tank/pp/b',
    ],
  },
  {
    files: EXTRA,
    before: 'zfs promote tank/pp/d',
    commands: [
      'zfs snapshot tank/pp/b@s2',
      'zfs clone tank/pp/b@s2 tank/pp/d',
      'zfs snapshot tank/pp/d@clash',
      'zfs clone tank/pp/b@s2 tank/pp/e',
    ],
  },
  {
    files: EXTRA,
    before: 'zfs rename tank/pp/b tank/trash/b',
    commands: [
      'zfs create tank/trash',
      'zfs snapshot tank/pp/b@t',
      'zfs clone tank/pp/b@t tank/pp/g',
    ],
  },
  {
    files: EXTRA,
    before: 'zfs create -s -V 50m p2/v',
    commands: ['zfs create -s -V 10m tank/ok'],
  },
  {
    files: EXTRA,
    before: 'zpool list -H -o name,health p2',
    act: zfs => {
      zfs.pool('p2').suspended = true
    },
  },
  {
    files: EXTRA,
    before: 'zpool clear p2',
    act: zfs => {
      zfs.pool('p2').suspended = false
    },
  },
  { files: EXTRA, before: 'zpool clear p2', commands: ['zfs create -s -V 50m p2/w'] },
  { files: EXTRA, before: 'zfs create -s -V 50m p2/ro', commands: ['zfs snapshot p2/v@b'] },
  {
    files: EXTRA,
    before: 'zfs create -s -V 50m p2/ro',
    act: zfs => {
      zfs.pool('p2').readOnly = true
    },
  },
]
