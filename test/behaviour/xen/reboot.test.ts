// A guest of Xen that reboots, seen at each of its steps (recorded: transcripts/xen/15-reboot.txt).
// For a moment nothing lists it. Then it has the disks that it had before.

import type { RebootStep } from '../../../sim/xen/model.ts'
import { scene } from './scene.ts'

async function rebooting(step: RebootStep) {
  const all = await scene()
  const { slot } = await all.attach()
  const { world } = all
  const reboot = world.xen('x1').reboot('web')
  let reached = reboot.next()
  while (reached.value !== step && !reached.done) reached = reboot.next()
  return {
    ...all,
    slot,
    /** The guest runs again. */
    end: () => {
      while (!reboot.next().done);
    },
  }
}

describe.each(['shut down', 'created', 'disks added', 'disks ready'] as const)('%s', step => {
  test('the volume is neither attached nor detached now, and no command changes anything', async () => {
    const { attach, detach, changes, doctor, end, vbds, slot, audit } = await rebooting(step)
    const before = changes()
    const why = expect.stringMatching(/it reboots|it is paused/)
    const refused = { kind: 'unavailable', message: why }

    await expect(attach()).rejects.toMatchObject(refused)
    await expect(detach()).rejects.toMatchObject(refused)
    await expect(attach('x1/db')).rejects.toMatchObject({ kind: 'in-use' })
    expect(changes()).toEqual(before)
    expect(await doctor()).toContainEqual(expect.objectContaining({ level: 'warn', what: why }))

    end()
    expect(vbds('web')).toMatchObject([{ number: 2 ** 28 + slot * 256, front: 4, back: 4 }])
    expect(await attach()).toMatchObject({ slot })
    expect(await audit()).toEqual([])
  })
})

describe('not listed, as a guest that is off', () => {
  test('the volume is not attached to it, and stays its own', async () => {
    const { attach, end, slot, vbds } = await rebooting('not listed')

    await expect(attach()).rejects.toMatchObject({ kind: 'not-found' })
    await expect(attach('x1/db')).rejects.toMatchObject({ kind: 'in-use' })
    end()
    expect(await attach()).toMatchObject({ slot })
    expect(vbds('web')).toHaveLength(1)
  })

  test('detached at that moment, the disk comes back: it is named, and nobody else gets it', async () => {
    const { attach, detach, audit, end, vbds, xl } = await rebooting('not listed')
    await detach()
    end()

    const [disk] = vbds('web')
    expect(await audit()).toMatchObject([{ kind: 'disk-without-record' }])
    for (const guest of ['x1/web', 'x1/db']) {
      await expect(attach(guest)).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining(`xl block-detach web ${disk?.vdev}`),
      })
    }
    await xl('block-detach', 'web', disk?.vdev ?? '')
    await attach('x1/db')
    expect(await audit()).toEqual([])
  })

  test('detached and given to another guest at that moment, the first does not come back', async () => {
    const { attach, detach, audit, end, vbds, world } = await rebooting('not listed')
    await detach()
    await attach('x1/db')
    end()

    expect(world.xen('x1').domain('web')).toBeUndefined()
    expect(vbds('db')).toMatchObject([{ front: 4, back: 4 }])
    expect(await audit()).toEqual([])
  })
})
