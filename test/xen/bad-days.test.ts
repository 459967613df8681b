// Bad days of a real Xen host: guests that are paused, crash, or do not answer; a hot-plug script
// that hangs; dom0 that loses its power. What the driver says, what it leaves, and how it goes on.

import type { Installation } from '../../src/bin/compose/installation.ts'
import { describeError } from '../../src/errors.ts'
import { vdevName } from '../../src/model/vdev.ts'
import { waitFor } from '../support/commands.ts'
import { openAround } from '../support/machines/around-commands.ts'
import { CONTROL_HOST } from './installation.ts'
import { Scene } from './scene.ts'

let scene: Scene

// Each day begins with its own volumes and two guests, whatever became of the day before.
beforeEach(async () => {
  scene = await Scene.start('bad-days', 'web', 'db')
})

afterEach(async () => {
  expect(await scene.audit()).toEqual([])
  expect(await scene.installation.vbds('web')).toEqual([])
})

afterEach(() => scene?.end())

/** A driver that has just started. `before` comes ahead of each of its commands of xl. */
async function watched(before: (word: string) => Promise<void> = async () => {}) {
  const changes: string[] = []
  const openShell = openAround(CONTROL_HOST, async ({ command, effect, run }) => {
    const [program = '', word = ''] = command
    if (program.endsWith('/xl')) {
      if (effect === 'write') changes.push(word)
      await before(word)
    }
    return run()
  })
  const driver: Installation = await scene.installation.driver(openShell)
  return { driver, changes }
}

/** A driver whose guest is paused at the moment when it changes a disk. */
const pausing = (change: 'block-attach' | 'block-detach') =>
  watched(async word => {
    if (word === change) await scene.files('web').guest.pause()
  })

/** The script takes it before it looks at a device. Returns what lets it go. */
async function holdHotplugLock(): Promise<() => Promise<unknown>> {
  const hold = 'flock /run/xen-hotplug/block sleep 1000'
  await scene.host.succeed(`mkdir -p /run/xen-hotplug; ${hold} >/dev/null 2>&1 & sleep 1`)
  return () => scene.host.succeed('fuser -k /run/xen-hotplug/block')
}

const unavailable = (pattern: RegExp) => ({
  kind: 'unavailable',
  message: expect.stringMatching(pattern),
})

test('a paused guest gets no disk and loses none, until it goes on', async () => {
  const { installation } = scene
  const { driver, changes } = await watched()
  const web = scene.files('web')
  const [has, wants] = [await scene.rawVolume('has'), await scene.rawVolume('wants')]
  await web.attach(driver, has)
  const before = await installation.vbds('web')
  changes.length = 0
  await web.guest.pause()

  await expect(web.attach(driver, wants)).rejects.toMatchObject(unavailable(/x1\/web.*paused/))
  await expect(web.detach(driver, has)).rejects.toMatchObject(unavailable(/xl unpause/))
  expect(changes).toEqual([])
  expect(await installation.vbds('web')).toEqual(before)
  expect(await scene.doctor()).toContainEqual(
    expect.objectContaining({ level: 'warn', object: 'guest x1/web' }),
  )

  await web.guest.unpause()
  await web.attach(driver, wants)
  await web.detach(driver, has)
  await web.detach(driver, wants)
  expect(changes).toEqual(['block-attach', 'block-detach', 'block-detach'])
})

test('a guest that is paused while it gets a disk has it once it goes on, without a command', async () => {
  const { installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('paused-while-attached')
  const first = await pausing('block-attach')

  await expect(web.attach(first.driver, volume)).rejects.toMatchObject(
    unavailable(/states 1 in the guest, 2 in dom0/),
  )
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 1, backState: 2 }])
  await web.guest.unpause()
  const { driver, changes } = await watched()
  await web.attach(driver, volume)
  expect(changes).toEqual([])
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4, backState: 4 }])
  await web.detach(driver, volume)
})

test('a guest that is paused while it loses a disk keeps the record, until a further call ends it', async () => {
  const { installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('paused-while-detached')
  const { driver } = await pausing('block-detach')
  const { slot } = await web.attach(driver, volume)

  await expect(web.detach(driver, volume)).rejects.toMatchObject(unavailable(/does not let go/))
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4, backState: 5 }])
  await web.guest.unpause()
  await waitFor({ what: 'the guest to let go' }, async () => {
    const [vbd] = await installation.vbds('web')
    return vbd?.frontState === 6
  })
  const incomplete = { kind: 'attachment-incomplete', object: volume.id }
  // Its disk, and its detachment.
  expect(await scene.audit()).toMatchObject([incomplete, incomplete])
  expect(await scene.doctor()).toContainEqual(
    expect.objectContaining({ level: 'warn', object: `disk ${vdevName(slot)} of x1/web` }),
  )
  await web.detach(scene.driver, volume)
})

test('a guest that a forced removal has wedged gets nothing and loses nothing until it is created anew', async () => {
  const { driver, installation, host } = scene
  const web = scene.files('web')
  const [forced, later] = [await scene.volume('forced'), await scene.rawVolume('later')]
  const { slot } = await web.mount(driver, forced, 'forced')
  const written = await web.write(`${web.path('forced')}/data`, 1)
  const [vbd] = await installation.vbds('web')
  await host.succeed(`xl block-detach --force web ${vbd?.number}`)

  await expect(web.attach(driver, later)).rejects.toMatchObject(unavailable(/does not take it/))
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 1 }])
  await expect(web.detach(driver, later)).rejects.toMatchObject({ kind: 'unavailable' })
  // Its own guest counts as the one that has it, though the machine does not show it there.
  await expect(scene.files('db').attach(driver, forced)).rejects.toMatchObject({ kind: 'in-use' })

  await web.guest.destroy()
  await web.guest.create()
  expect(await web.mount(driver, forced, 'forced')).toMatchObject({ slot })
  expect(await web.checksum(`${web.path('forced')}/data`)).toBe(written)
  await web.unmount(driver, forced, 'forced')
  await web.detach(driver, later)
})

test('a hot-plug script that hangs leaves a disk, which the next call removes before its own', async () => {
  const { installation } = scene
  const { driver, changes } = await watched()
  const web = scene.files('web')
  const volume = await scene.rawVolume('hung')
  const free = await holdHotplugLock()
  try {
    const failure = await web.attach(driver, volume).catch((error: unknown) => error)
    expect(failure).toMatchObject({ kind: 'unavailable' })
    expect(describeError(failure)).toContain('the hot-plug script of dom0 hung')
  } finally {
    await free()
  }
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 3, backState: 2 }])
  expect(await scene.doctor()).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      object: expect.stringMatching(/^disk xvd[a-z]+ of x1\/web$/),
    }),
  )

  await web.attach(driver, volume)
  expect(changes).toEqual(['block-attach', 'block-detach', 'block-attach'])
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4, backState: 4 }])
  await web.detach(driver, volume)
})

test('a volume that is mounted in dom0 is refused with the reason, until it is unmounted', async () => {
  const { driver, host } = scene
  const web = scene.files('web')
  const volume = await scene.volume('in-dom0')
  const device = scene.device(volume)
  await host.succeed(`udevadm settle; mkfs.ext4 -q ${device} && mount ${device} /mnt`)

  const failure = await web.attach(driver, volume).catch((error: unknown) => error)
  await host.succeed('umount /mnt')
  expect(failure).toMatchObject({ kind: 'in-use' })
  expect(describeError(failure)).toMatch(/privileged domain.*unmount it in dom0/s)
  await web.attach(driver, volume)
  await web.detach(driver, volume)
})

test('a guest that crashes has what it had flushed, once it runs again', async () => {
  const { driver, installation } = scene
  const web = scene.files('web')
  const volume = await scene.volume('crashed')
  const { slot } = await web.mount(driver, volume, 'crashed')
  const then = await web.write(`${web.path('crashed')}/data`, 2)
  await web.guest.root('(sleep 0.5; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &')
  await waitFor({ what: 'the end of web' }, async () => !(await web.guest.isRunning()))
  await web.guest.destroy()
  expect(await scene.audit()).toMatchObject([{ kind: 'attachment-incomplete' }])

  await web.guest.create()
  expect(await web.mount(driver, volume, 'crashed')).toMatchObject({ slot })
  expect(await web.checksum(`${web.path('crashed')}/data`)).toBe(then)
  await web.unmount(driver, volume, 'crashed')
  expect(await installation.vbds('web')).toEqual([])
})

test('after dom0 lost its power, guests get their volumes under the same numbers, with their files', async () => {
  const { driver, host, installation } = scene
  const kept = await Promise.all(
    (['web', 'db'] as const).map(async guest => {
      const files = scene.files(guest)
      const volume = await scene.volume(`kept-by-${guest}`)
      const { slot } = await files.mount(driver, volume, 'kept')
      return { files, volume, slot, checksum: await files.write(`${files.path('kept')}/data`, 3) }
    }),
  )
  await host.kill()
  const [{ files, volume }] = kept as [(typeof kept)[0]]
  await expect(files.attach(driver, volume)).rejects.toMatchObject({ kind: 'unavailable' })
  await host.boot()
  expect(await scene.audit()).toHaveLength(2)

  for (const { files, volume, slot, checksum } of kept) {
    await files.guest.create()
    expect(await installation.vbds(files.guest.name)).toEqual([])
    expect(await files.mount(driver, volume, 'kept')).toMatchObject({ slot })
    expect(await files.checksum(`${files.path('kept')}/data`)).toBe(checksum)
    await files.unmount(driver, volume, 'kept')
  }
})
