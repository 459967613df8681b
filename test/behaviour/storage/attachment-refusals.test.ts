// Attachments and detachments that are refused before anything is changed.

import { KeyedLock } from '../../../src/locks.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import { Attachments } from '../../../src/storage/attachments/attachments.ts'
import { attachRequest, type Driver, install, volumeSpec } from '../../support/installation.ts'
import { reaches } from '../../support/meddling.ts'
import { block, gold, kindOf, records } from './attachment-scene.ts'

describe('refused before anything is changed', () => {
  const unruled = (driver: Driver) =>
    new Attachments({ pools: driver.pools, lock: new KeyedLock(), guestRule: () => undefined })

  test('a guest that no rule speaks of', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    await expect(
      unruled(driver).attach(attachRequest(id, 'm1/ldg1', { format: block })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('guests:'),
    })
    expect(records(installation)).toEqual([])
  })

  test('the control domain', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    await expect(
      driver.attachments.attach(attachRequest(id, 'm1/primary', { format: block })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('control domain'),
    })
  })

  test.each([
    ['a file system as a raw device', { kind: 'filesystem', type: 'any' }, block],
    ['a raw device as a file system', block, { kind: 'filesystem', type: 'any' }],
  ] as const)('%s', async (_, made, asked) => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver, made)
    for (const sharing of ['exclusive', 'shared'] as const) {
      const request = attachRequest(id, 'm1/ldg1', { format: asked, sharing })
      expect(await kindOf(driver.attachments.attach(request))).toBe('invalid-argument')
    }
    expect(records(installation)).toEqual([])
  })

  test('to take the disk that a Linux guest may run from while it runs', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await driver.volumes.ensureVolume(volumeSpec({ format: block }))
    await driver.attachments.attach(attachRequest(id, 'm1/ldg2', { format: block, slot: 0 }))
    await expect(driver.attachments.detach(id, parseGuestId('m1/ldg2'))).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringMatching(/boot disk of guest m1\/ldg2.*ldm stop/),
    })
    expect(reaches(installation, 'm1/ldg2')).toBe(true)
    installation.world.machine('m1').setGuest('ldg2', { state: 'bound', os: false })
    await driver.attachments.detach(id, parseGuestId('m1/ldg2'))
    expect(reaches(installation, 'm1/ldg2')).toBe(false)
  })
})

test('exports whose disk a person took from a running guest are no disk that it runs from', async () => {
  const installation = install()
  const driver = installation.driver()
  const { id } = await driver.volumes.ensureVolume(volumeSpec({ format: block }))
  await driver.attachments.attach(attachRequest(id, 'm1/ldg2', { format: block, slot: 0 }))
  const machine = installation.world.machine('m1')
  const [vdisk] = machine.state().domains.flatMap(domain => domain.vdisks)
  await installation.world
    .host('m1-primary')
    .perform(['ldm', 'rm-vdisk', vdisk?.name ?? '', 'ldg2'], '')
  expect(machine.guestDisks('ldg2').list()).toEqual([])

  await driver.attachments.detach(id, parseGuestId('m1/ldg2'))
  expect(records(installation)).toEqual([])
  expect(await driver.audit()).toEqual([])
})
