// A volume whose pool the configuration does not name can be attached nowhere. It counts as
// detached from a guest only if the guest's machine shows that it is.

import { KeyedLock } from '../../../src/locks.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import { Attachments } from '../../../src/storage/attachments/attachments.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

/** One that knows every pool but gold. */
function withoutGold({ pools }: Driver): Attachments {
  const left = new Map([...pools].filter(([name]) => name !== 'gold'))
  return new Attachments({ pools: left, lock: new KeyedLock(), guestRule: () => undefined })
}

const NEVER_MADE = 'gold/v-aaaaaaaaaaaaaaaaaaaa'

async function attached({ driver }: TestInstallation) {
  const { volumes, attachments } = driver()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(id, 'm1/ldg1'))
  return id
}

test('it is detached where the machine shows no disk and no export of it', async () => {
  const installation = install()
  const guest = parseGuestId('m1/ldg1')

  await withoutGold(installation.driver()).detach(NEVER_MADE, guest)
})

test.each(['m1/ldg1', 'm1/ldg2'])(
  'it is not detached from %s while the machine has a disk of it',
  async guest => {
    const installation = install()
    const id = await attached(installation)

    await expect(
      withoutGold(installation.driver()).detach(id, parseGuestId(guest)),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringMatching(
        /pool gold.*not in.*configuration.*disk .* of guest ldg1.*add/,
      ),
    })
    expect(installation.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(1)
  },
)

test.each([
  { what: 'a guest that its machine does not list', guest: 'm1/ldg9', says: 'does not list' },
  { what: 'a machine that no pool names', guest: 'm9/ldg1', says: 'machine m9' },
  { what: 'all guests', guest: undefined, says: 'every machine' },
])('nothing proves it for $what', async ({ guest, says }) => {
  const attachments = withoutGold(install().driver())
  const from = guest === undefined ? undefined : parseGuestId(guest)

  await expect(attachments.detach(NEVER_MADE, from)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining(says),
  })
})

test('nothing proves it while the machine does not answer', async () => {
  const installation = install()
  const id = await attached(installation)
  installation.world.host('m1-primary').down = true

  await expect(
    withoutGold(installation.driver()).detach(id, parseGuestId('m1/ldg1')),
  ).rejects.toMatchObject({ kind: 'unavailable' })
})

test('nothing proves it while an export of it may still come', async () => {
  const installation = install()
  const { volumes, attachments } = installation.driver()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const { rules } = installation.world.timeline
  rules.push(argv => (argv[1] === 'add-vdsdev' ? { kind: 'late', afterCommands: 100 } : undefined))
  await expect(attachments.attach(attachRequest(id, 'm1/ldg1'))).rejects.toMatchObject({
    kind: 'unavailable',
  })

  await expect(
    withoutGold(installation.driver()).detach(id, parseGuestId('m1/ldg1')),
  ).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('earlier') })
})

test('a volume recorded on a machine that its pool does not name any more needs a person', async () => {
  const installation = install()
  const id = await attached(installation)
  const { pools } = installation.driver()
  const left = [...pools].map(([name, pool]) => {
    const machines = new Map([...pool.machines].filter(([machine]) => machine !== 'm1'))
    return [name, { ...pool, machines }] as const
  })
  const attachments = new Attachments({
    pools: new Map(left),
    lock: new KeyedLock(),
    guestRule: () => undefined,
  })

  await expect(attachments.detach(id, parseGuestId('m1/ldg1'))).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('add the machine'),
  })
})
