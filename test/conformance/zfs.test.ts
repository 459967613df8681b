// The recorded sessions of zfs, replayed in order on simulated pools of the same dialect: every
// entry is compared byte for byte or left out with a reason, and the product understands what was
// recorded. An entry in neither list fails, and so does a reason nobody needs.

import { ROOT } from '../../sim/account.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { DialectName } from '../../sim/zfs/dialects.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { StorageError } from '../../src/errors.ts'
import { classify } from '../../src/shell/failures.ts'
import type { CommandResult } from '../../src/shell/shell.ts'
import { classifyDialect } from '../../src/zfs/dialect.ts'
import { ZFS_FAILURES } from '../../src/zfs/failures.ts'
import { parseProperties } from '../../src/zfs/listing.ts'
import { LEFT_OUT, LOOSENED, STEPS } from './zfs-left-out.ts'
import { abbreviate, type Entry, readTranscript, wordsOf } from './zfs-transcript.ts'

// Usable bytes of the recorded pools: what was available and used at the beginning of the sessions.
const SESSIONS: readonly { file: string; dialect: DialectName; sizeBytes: number }[] = [
  { file: 'differential-2.1.11.txt', dialect: 'openzfs-2.1', sizeBytes: 20283654144 },
  { file: 'openzfs-2.1.16.txt', dialect: 'openzfs-2.1', sizeBytes: 2818406400 },
  { file: 'openzfs-2.2.11.txt', dialect: 'openzfs-2.2', sizeBytes: 2818406400 },
  { file: 'openzfs-2.3.8.txt', dialect: 'openzfs-2.3', sizeBytes: 2818406400 },
  { file: 'openzfs-2.3.8-extra.txt', dialect: 'openzfs-2.3', sizeBytes: 2818406400 },
  { file: 'openzfs-2.1.11-delegation.txt', dialect: 'openzfs-2.1', sizeBytes: 20293304320 },
  { file: 'zfs-fuse-0.7.0.txt', dialect: 'solaris-10', sizeBytes: 2097152000 },
]

const ENTRIES: readonly Entry[] = SESSIONS.flatMap(session => readTranscript(session.file))
const AS_CSI = /^\(csi\) /
const AS_NOBODY = /^(\(nobody\) |su -s \/bin\/bash nobody -c )/

function isLeftOut(entry: Entry): boolean {
  return LEFT_OUT.some(rule => rule.files.test(entry.file) && rule.command.test(entry.command))
}

interface Comparison {
  readonly entry: Entry
  readonly simulated: { readonly text: string; readonly status: number }
}

/** Runs a whole session; entries that are left out are not run. */
async function replay({
  file,
  dialect,
  sizeBytes,
}: (typeof SESSIONS)[number]): Promise<readonly Comparison[]> {
  const host = new SimHost('storage', new Timeline())
  const pools = ['tank', ...(file.includes('fuse') ? [] : ['p2'])].map(name => ({
    name,
    sizeBytes,
    dialect,
    datasets: [],
  }))
  const zfs = new SimZfs(host, {
    pools,
    createStore: size => new MemoryStore(size),
    nowMs: () => 1795231548000,
  })
  const p2 = zfs.pools.get('p2')
  if (p2) p2.imported = false
  // In that session the file systems are mounted.
  const isMounted = file.includes('delegation')
  if (p2 && !isMounted) zfs.pool('tank').datasets.get('tank')?.local.set('mountpoint', 'none')
  const run = async (command: string) => {
    zfs.denied = AS_NOBODY.test(command)
    const isCsi = AS_CSI.test(command)
    host.account = isCsi ? { name: 'csi', uid: 1000, groups: ['csi'] } : ROOT
    const words = wordsOf(command.replace(AS_NOBODY, '').replace(AS_CSI, ''))
    const outcome = await host.perform(words, '')
    if (outcome.kind !== 'exit') throw new Error(outcome.kind)
    return {
      text: abbreviate(outcome.answer.stderr + outcome.answer.stdout),
      status: outcome.answer.exitStatus,
    }
  }
  const pending = STEPS.filter(step => step.files.test(file))
  const comparisons: Comparison[] = []
  for (const entry of readTranscript(file)) {
    for (const step of pending.filter(candidate => candidate.before === entry.command)) {
      pending.splice(pending.indexOf(step), 1)
      step.act?.(zfs)
      for (const command of step.commands ?? []) {
        expect({ command, ...(await run(command)) }).toEqual({ command, text: '', status: 0 })
      }
    }
    if (!isLeftOut(entry)) comparisons.push({ entry, simulated: await run(entry.command) })
  }
  expect(pending).toEqual([])
  return comparisons
}

function loosen(entry: Entry, text: string): string {
  const rules = LOOSENED.filter(
    rule => rule.files.test(entry.file) && rule.command.test(entry.command),
  )
  return rules.reduce((loosened, rule) => rule.loosen(loosened, entry.output), text)
}

test.each(SESSIONS)('$file: the simulator answers as the real program did', async session => {
  const comparisons = await replay(session)
  for (const { entry, simulated } of comparisons) {
    const shown = (text: string, status: number | undefined) =>
      `${entry.file}:${entry.line}\n$ ${entry.command}\n${loosen(entry, text)}[rc=${status}]`
    expect(shown(simulated.text, simulated.status)).toBe(shown(entry.output, entry.status))
  }
  const exact = comparisons.filter(({ entry, simulated }) => simulated.text === entry.output).length
  const total = readTranscript(session.file).length
  process.stdout.write(
    `${session.file}: ${total} entries, ${exact} exact, ${comparisons.length - exact} in part, ` +
      `${total - comparisons.length} left out\n`,
  )
})

test('every reason for leaving an entry out is still needed', () => {
  const unused = LEFT_OUT.filter(
    rule => !ENTRIES.some(entry => rule.files.test(entry.file) && rule.command.test(entry.command)),
  )
  expect(unused).toEqual([])
})

test('every comparison in part is still needed', async () => {
  const needed = new Set<unknown>()
  for (const session of SESSIONS) {
    for (const { entry, simulated } of await replay(session)) {
      for (const rule of LOOSENED) {
        if (
          rule.files.test(entry.file) &&
          rule.command.test(entry.command) &&
          simulated.text !== entry.output
        ) {
          needed.add(rule)
        }
      }
    }
  }
  expect(LOOSENED.filter(rule => !needed.has(rule)).map(rule => rule.reason)).toEqual([])
})

const resultOf = (entry: Entry): CommandResult => ({
  exitStatus: entry.status ?? -1,
  stdout: '',
  stderr: entry.output,
  durationMs: 0,
})

/** Commands that the driver runs; what others say need not be understood. */
const ISSUED = /^zfs (create|clone|destroy|snapshot|rename|set|inherit|get) |^zpool list /
/** Mistakes of a caller that the driver cannot make. */
const NEVER_MADE: readonly RegExp[] = [
  /^zfs snapshot \S+$/, // without @: only a usage text
  /^zfs create .*(encryption=|-V \d*x)/,
  /^zfs create (-V$|-V 0 )/,
  /^zfs (set|create) .*foo:<x\*260>/,
  /^zfs set volsize=0 /,
  /^zfs set compression=on atime=off /,
  /^zfs (set logbias|snapshot -o compression)=\S+ \S+@/,
  /^zfs rename (\S+) \1\/\S+$/,
  /^zfs snapshot tank\/v1@s4 tank\/v1@s5$/,
  /^zfs snapshot tank\/a$/,
  /^zfs inherit quota /,
  /^zfs destroy tank\/u1#zz$/,
]

test('every recorded failure of a command that the driver runs has a kind', () => {
  const failures = ENTRIES.filter(
    entry => entry.status !== undefined && entry.status !== 0 && ISSUED.test(entry.command),
  )
  const unknown = failures.filter(entry => classify(resultOf(entry), ZFS_FAILURES) === undefined)
  const unexpected = unknown.filter(
    entry => !NEVER_MADE.some(pattern => pattern.test(entry.command)),
  )
  expect(unexpected.map(entry => `${entry.command}: ${entry.output}`)).toEqual([])
  expect(NEVER_MADE.filter(pattern => !unknown.some(entry => pattern.test(entry.command)))).toEqual(
    [],
  )
})

test.each([
  ["cannot create 'tank/v1': dataset already exists", 'already-exists'],
  ["cannot create 'tank/nope/v1': parent does not exist", 'failed-precondition'],
  ["cannot open 'nopool': no such pool", 'unavailable'],
  ["cannot create 'nopool/b': no such pool 'nopool'", 'unavailable'],
  ["cannot create 'tank/vbig': out of space", 'no-space'],
  ["bad volume size '20e': numeric value is too large", 'out-of-range'],
  ["cannot set property for 'tank/v1': size is greater than available space", 'no-space'],
  ["cannot create snapshot 'tank/v1@s1': dataset already exists", 'already-exists'],
  ["cannot open 'tank/zzz': dataset does not exist", 'not-found'],
  ["cannot destroy 'tank/v1': volume has children", 'failed-precondition'],
  ["cannot destroy 'tank/v1@s1': snapshot has dependent clones", 'failed-precondition'],
  ["cannot destroy 'tank/busy': dataset is busy", 'busy'],
  ['could not find any snapshots to destroy; check snapshot names.', 'not-found'],
  ["cannot rename 'tank/c1': dataset already exists", 'already-exists'],
  ['Permission denied the ZFS utilities must be run as root.', 'permission-denied'],
  ["cannot open 'p2/v': pool I/O is currently suspended", 'unavailable'],
  ["cannot create 'p2/z': pool I/O is currently suspended", 'unavailable'],
  ["cannot create 'p2/ro': pool is read-only", 'failed-precondition'],
  ["bad property list: invalid property 'clones'", 'internal'],
  ["invalid option 'p'", 'internal'],
])('"%s" was recorded and means %s', (line, kind) => {
  const recorded = ENTRIES.filter(entry => entry.output.split('\n')[0] === line)
  expect(recorded.length).toBeGreaterThan(0)
  for (const entry of recorded) expect(classify(resultOf(entry), ZFS_FAILURES)?.kind).toBe(kind)
})

test.each(ZFS_FAILURES.filter(row => row.evidence === 'recorded'))(
  'the words of $text are in the transcripts that it cites',
  row => {
    const files = [...row.source.matchAll(/[\w.-]+\.txt/g)].map(match => match[0])
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const said = ENTRIES.filter(
        entry => entry.file === file && entry.status !== 0 && row.text.test(entry.output),
      )
      expect({ file, found: said.length > 0 }).toEqual({ file, found: true })
    }
  },
)

test('recorded listings of properties are read whole', () => {
  const listings = ENTRIES.filter(
    entry =>
      /^zfs get -Hp -o name,property,value,source /.test(entry.command) && entry.status === 0,
  )
  expect(listings.length).toBeGreaterThanOrEqual(2)
  for (const entry of listings) {
    const [, names = '', datasets = ''] = /source (\S+) (.+)$/.exec(entry.command) ?? []
    const found = parseProperties(entry.output, names.split(','), name =>
      datasets.split(' ').includes(name),
    )
    const printed = [...found].flatMap(([dataset, properties]) =>
      [...properties].map(([name, { value }]) => `${dataset}\t${name}\t${value}`),
    )
    expect(printed).toEqual(
      entry.output
        .trimEnd()
        .split('\n')
        .map(line => line.slice(0, line.lastIndexOf('\t'))),
    )
  }
})

test('values with TABs and newlines, as recorded, are read as one value', () => {
  const entry = ENTRIES.find(candidate => candidate.command.endsWith('foo:multi,foo:nl tank/u1'))
  const text = (entry?.output ?? '').replace(/^(foo:)/gm, 'tank/u1\t$1')
  const found = parseProperties(text, ['foo:multi', 'foo:nl'], name => name === 'tank/u1').get(
    'tank/u1',
  )
  expect(found?.get('foo:multi')).toEqual({ value: 'a\tb', source: 'local' })
  expect(found?.get('foo:nl')).toEqual({ value: 'a\nb', source: 'local' })
})

test('the dialect is read from recorded usage texts', () => {
  const output = (file: string, text: RegExp) =>
    ENTRIES.find(entry => entry.file === file && text.test(entry.output))?.output ?? ''
  const openzfs = classifyDialect({
    system: 'Linux 6.1.0\n',
    usage: output('openzfs-2.3.8.txt', /^missing command/),
    propertyUsage: output('openzfs-2.2.11.txt', /^bad property list/),
  })
  const old = classifyDialect({
    system: 'SunOS 5.10\n',
    usage: output('zfs-fuse-0.7.0.txt', /^unrecognized command 'bookmark'/),
    propertyUsage: output('zfs-fuse-0.7.0.txt', /^bad property list/),
  })
  expect(openzfs).toMatchObject({ name: 'openzfs', multipleSnapshots: true })
  expect([openzfs.properties.has('clones'), openzfs.properties.has('createtxg')]).toEqual([
    true,
    true,
  ])
  expect(old).toMatchObject({ name: 'solaris-10', multipleSnapshots: false })
  expect([old.properties.has('clones'), old.properties.has('createtxg')]).toEqual([false, false])
})

test('a usage text without its lines is no dialect', () => {
  expect(() =>
    classifyDialect({ system: 'Linux 6.1.0', usage: 'zfs: not found', propertyUsage: '' }),
  ).toThrow(StorageError)
})

test('the failure table says how well each row is known', () => {
  const count = (evidence: string) => ZFS_FAILURES.filter(row => row.evidence === evidence).length
  process.stdout.write(
    `zfs failures: ${count('recorded')} recorded, ${count('documented')} documented, ` +
      `${count('recalled')} recalled\n`,
  )
  expect(count('recorded')).toBeGreaterThan(count('documented') + count('recalled'))
})
