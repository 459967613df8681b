// The driver as the ordinary account `csi` of a real storage host, with exactly what the page of
// storage hosts delegates.

import type { Installation } from '../../src/bin/compose/installation.ts'
import { examine } from '../../src/cli/doctor.ts'
import { describeError } from '../../src/errors.ts'
import type { Command } from '../../src/shell/shell.ts'
import { SshShell } from '../../src/shell/ssh/ssh.ts'
import { formatAllow, PERMISSIONS_BELOW, PERMISSIONS_EVERYWHERE } from '../../src/zfs/delegation.ts'
import { waitFor } from '../support/commands.ts'
import { changeEverything } from '../support/every-change.ts'
import { OpenZfsInstallation } from './installation.ts'
import type { StorageMachine } from './machine.ts'
import { RawZfs } from './raw-zfs.ts'
import { MACHINES, sharedMachine } from './shared.ts'

/** Some thirty commands of an emulated machine. */
const LONG_MS = 300_000
const DATASET = 'tank/delegation'
const OTHER = 'tank/not-delegated'
const ALL = { everywhere: PERMISSIONS_EVERYWHERE, below: PERMISSIONS_BELOW }

let machine: StorageMachine
let installation: OpenZfsInstallation
let driver: Installation

beforeAll(async () => {
  machine = await sharedMachine()
  installation = await OpenZfsInstallation.start({
    machine,
    dataset: DATASET,
    directory: `${MACHINES}/delegation`,
    access: machine.access('csi'),
  })
  driver = await installation.driver()
  // The first connection to a busy machine may take longer than a command waits for it.
  const answers = async () =>
    (await examine(driver)).some(
      ({ object, level }) => object === 'host m1-storage' && level === 'ok',
    )
  await waitFor({ what: 'the storage host', limitMs: LONG_MS, everyMs: 500 }, answers)
  const make = `zfs create ${OTHER} && zfs create -s -V 16M ${OTHER}/v && zfs snapshot ${OTHER}/v@s`
  await machine.succeed(`${make} && udevadm settle`)
}, LONG_MS)

const allowAll = () =>
  machine.succeed(`zfs unallow -u csi ${DATASET}; ${formatAllow(ALL, 'csi', DATASET).join('; ')}`)

beforeEach(allowAll)

// A refusal leaves the work half done: detached and destroyed here.
afterEach(async () => {
  await allowAll()
  for (const { volume } of await driver.attachments.listPublished()) {
    await driver.attachments.detach(volume.id, undefined)
  }
  const children = `zfs list -H -o name -d 1 -r ${DATASET} | tail -n +2`
  const what = `an empty ${DATASET}`
  await waitFor({ what, limitMs: LONG_MS, everyMs: 500 }, async () => {
    await settle()
    await machine.root(`for name in $(${children}); do zfs destroy -R $name; done`)
    return (await machine.succeed(children)) === ''
  })
}, LONG_MS)

afterAll(async () => {
  await machine.succeed(`udevadm settle; zfs destroy -r ${OTHER}`)
  await installation.end()
})

const settle = () => machine.succeed('udevadm settle')

const ofPool = async () =>
  (await examine(driver)).filter(
    ({ object, level }) => object === 'pool silver' && level !== 'warn',
  )

test(
  'doctor says the commands that are needed, and with exactly these everything works',
  async () => {
    await machine.succeed(`zfs unallow -u csi ${DATASET}`)
    const [, missing] = await ofPool()
    const commands = missing?.wayOut?.replace('as root there: ', '') ?? 'false'
    expect(commands).toBe(formatAllow(ALL, 'csi', DATASET).join('; '))

    await machine.succeed(commands)

    expect((await ofPool()).map(({ level }) => level)).toEqual(['ok', 'ok'])
    await changeEverything(driver, settle)
    expect(await new RawZfs(machine, DATASET).names()).toEqual([])
  },
  LONG_MS,
)

test.each([...ALL.everywhere, ...ALL.below])(
  'without %s something is refused, and the message and doctor name it',
  async permission => {
    await machine.succeed(`zfs unallow -u csi ${permission} ${DATASET}`)

    const refusal = await changeEverything(driver, settle).then(() => 'nothing', describeError)

    const names = new RegExp(`permission denied \\(.*permissions .*\\b${permission}\\b.*doctor`)
    expect(refusal).toMatch(names)
    expect((await ofPool()).at(-1)).toMatchObject({
      level: 'FAIL',
      what: expect.stringMatching(new RegExp(`: ${permission}$`)),
    })
  },
  LONG_MS,
)

const BESIDE = `zfs list -H -o name,volsize,compression -t all -r ${DATASET} ${OTHER}`

const REFUSED: readonly Command[] = [
  ['zfs', 'destroy', OTHER],
  ['zfs', 'destroy', `${OTHER}/v`],
  ['zfs', 'destroy', `${OTHER}/v@s`],
  ['zfs', 'snapshot', `${OTHER}/v@mine`],
  ['zfs', 'clone', `${OTHER}/v@s`, `${DATASET}/mine`],
  ['zfs', 'set', 'volsize=32M', `${OTHER}/v`],
  ['zfs', 'rename', `${OTHER}/v`, `${DATASET}/mine`],
  ['zfs', 'create', '-s', '-V', '16M', 'tank/mine'],
  ['zfs', 'create', '-s', '-V', '16M', `${OTHER}/mine`],
  ['zfs', 'destroy', DATASET],
  ['zfs', 'set', 'compression=lz4', DATASET],
  ['zfs', 'snapshot', `${DATASET}@mine`],
  ['zfs', 'allow', '-u', 'csi', 'destroy', 'tank'],
  ['zpool', 'set', 'comment=mine', 'tank'],
  ['zpool', 'export', 'tank'],
  ['zpool', 'destroy', 'tank'],
]

test(
  'everything beside the delegated dataset is refused, and so is the pool',
  async () => {
    const shell = new SshShell({ name: 'storage', ...machine.access('csi') })
    const before = await machine.succeed(BESIDE)

    for (const [program, ...words] of REFUSED) {
      const { exitStatus, stderr } = await shell.run([`/usr/sbin/${program}`, ...words], {
        effect: 'write',
      })

      expect({ words, exitStatus, stderr }).toMatchObject({
        exitStatus: expect.any(Number),
        stderr: expect.stringMatching(
          /permission denied|has children|could not find any snapshots/,
        ),
      })
      expect({ words, exitStatus }).not.toMatchObject({ exitStatus: 0 })
    }

    shell.close()
    expect(await machine.succeed(BESIDE)).toBe(before)
  },
  LONG_MS,
)
