// The driver as an ordinary account of a storage host: which permissions it needs there, how a
// missing one is told, and what `doctor` says.

import { readFileSync } from 'node:fs'
import { examine } from '../../../src/cli/doctor.ts'
import { describeError } from '../../../src/errors.ts'
import {
  formatAllow,
  PERMISSIONS_BELOW,
  PERMISSIONS_EVERYWHERE,
  permissionsOf,
} from '../../../src/zfs/delegation.ts'
import { changeEverything } from '../../support/every-change.ts'
import { install } from '../../support/installation.ts'
import { delegated, HOST, PARENT } from './delegation-scene.ts'

const ALL = { everywhere: PERMISSIONS_EVERYWHERE, below: PERMISSIONS_BELOW }

const grants = (missing: string | undefined = undefined) =>
  formatAllow(
    {
      everywhere: ALL.everywhere.filter(name => name !== missing),
      below: ALL.below.filter(name => name !== missing),
    },
    'csi',
    PARENT,
  ).map(command => command.slice('zfs '.length))

const outcome = async (work: Promise<unknown>) => {
  try {
    await work
    return 'it works'
  } catch (error) {
    return describeError(error)
  }
}

test('the page of storage hosts has the commands that give exactly these permissions', () => {
  const page = readFileSync('docs/storage-hosts.md', 'utf8')

  for (const command of formatAllow(ALL, 'csi', 'tank/csi')) expect(page).toContain(command)
})

test('with exactly the delegated permissions everything works and nothing is left', async () => {
  const { installation, start } = delegated(grants())

  await changeEverything(await start())

  const names = installation.world
    .zfs(HOST)
    .datasets()
    .map(({ name }) => name)
  expect(names).toEqual(['mtank', PARENT])
})

test('the driver runs no command that needs another permission, and needs each of them', async () => {
  const { installation, start } = delegated(grants())
  await changeEverything(await start())

  const used = installation.world.timeline.commands
    .filter(({ argv }) => argv[0] === '/usr/sbin/zfs')
    .flatMap(({ argv: [program = '', ...words] }) => permissionsOf([program, ...words]))

  expect([...new Set(used)].sort()).toEqual([...ALL.everywhere, ...ALL.below].sort())
})

test.each([...ALL.everywhere, ...ALL.below])(
  'without %s something is refused, the message names it, and doctor says how to give it',
  async missing => {
    const { start } = delegated(grants(missing))
    const driver = await start()

    expect(await outcome(changeEverything(driver))).toMatch(
      new RegExp(`permission denied \\(.*needs the permissions .*\\b${missing}\\b.*doctor`),
    )
    const checks = await examine(driver)
    const [command] = formatAllow(
      {
        everywhere: ALL.everywhere.filter(name => name === missing),
        below: ALL.below.filter(name => name === missing),
      },
      'csi',
      PARENT,
    )
    expect(checks).toContainEqual({
      level: 'FAIL',
      object: 'pool silver',
      what: `account csi on ${HOST} lacks a permission on ${PARENT} and below it: ${missing}`,
      wayOut: `as root there: ${command}`,
    })
  },
)

test('the account cannot destroy or change the parent dataset, nor anything beside it', async () => {
  const { installation, host, start } = delegated(['create mtank/other', ...grants()])
  await start()
  const run = async (...words: string[]) => {
    const outcome = await host.perform(['/usr/sbin/zfs', ...words], '')
    return outcome.kind === 'exit' ? outcome.answer.stderr : outcome.kind
  }

  expect([
    await run('destroy', 'mtank/other'),
    await run('destroy', PARENT),
    await run('set', 'compression=lz4', PARENT),
    await run('create', '-o', 'canmount=off', 'mtank/mine'),
    await run('snapshot', 'mtank@mine'),
    await run('allow', '-u', 'csi', 'destroy', 'mtank'),
  ]).toEqual(Array.from({ length: 6 }, () => expect.stringContaining('permission denied')))
  expect(installation.world.zfs(HOST).datasets()).toHaveLength(3)
})

const ofPool = async ({ start }: ReturnType<typeof delegated>) =>
  (await examine(await start())).filter(({ object }) => object === 'pool silver')

test('doctor says nothing of permissions to root', async () => {
  const { installation } = delegated([])

  const checks = await examine(installation.driver())

  expect(checks.filter(({ object }) => object === 'pool silver')).toHaveLength(1)
})

test('doctor finds an account with all permissions in order, also by its groups', async () => {
  const byGroup = grants().map(words => words.replace('-u csi', '-g storage'))

  for (const given of [grants(), byGroup]) {
    const checks = await ofPool(delegated(given))

    expect(checks.map(({ level }) => level)).toEqual(['ok', 'ok'])
    expect(checks[1]?.what).toBe(
      `account csi on ${HOST} has the permissions that it needs on ${PARENT}`,
    )
  }
})

test('doctor says both commands to an account without any permission', async () => {
  const checks = await ofPool(delegated([]))

  expect(checks[1]?.wayOut).toBe(`as root there: ${formatAllow(ALL, 'csi', PARENT).join('; ')}`)
})

test('doctor finds a pool that does not heed what is delegated', async () => {
  const scene = delegated(grants())
  scene.installation.world.zfs(HOST).pool('mtank').delegation = false

  const checks = await ofPool(scene)

  expect(checks[1]).toMatchObject({ level: 'FAIL', wayOut: 'zpool set delegation=on mtank' })
})

// Form of `profiles -l`: documented, profiles(1). The pool gold is on illumos.
test.each([
  { listed: 'LDom CSI\n          /usr/sbin/zfs              euid=0\n', levels: ['ok'] },
  { listed: 'LDom CSI\n          /usr/sbin/stmfadm          euid=0\n', levels: ['FAIL'] },
])('on illumos and Solaris a rights profile is as good: $levels', async ({ listed, levels }) => {
  const { world, driver } = install()
  const host = world.host('storage1')
  host.account = { name: 'csi', uid: 1001, groups: ['csi'] }
  host.programs.set('profiles', () => ({ exitStatus: 0, stdout: listed, stderr: '' }))

  const checks = await examine(driver())

  const ofAccount = checks.filter(({ what }) => what.includes('account csi'))
  expect(ofAccount.map(({ level }) => level)).toEqual(levels)
})
