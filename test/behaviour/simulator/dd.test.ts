// `dd` at the prompt of a simulated host: what it says was written is written, and what it cannot
// do it refuses.

import { scene } from '../xen/scene.ts'

const KiB = 1024

async function prompt() {
  const { world, id, device, attach } = await scene()
  const dd = async (line: string, input = '') => {
    const words = line.replaceAll('DEVICE', device).split(' ')
    const outcome = await world.host('dom0').perform(['dd', ...words], input)
    if (outcome.kind !== 'exit') throw new Error(outcome.kind)
    return outcome.answer
  }
  const bytesAt = (offset: number, length: number) => {
    const [, leaf] = id.split('/')
    return world.zfs('dom0').store(`tank/csi/${leaf}`).read(offset, length)
  }
  return { dd, bytesAt, attach }
}

test.each(['zero', 'urandom'])(
  'a block of /dev/%s is written: the volume counts as written',
  async from => {
    const { dd, attach } = await prompt()
    expect(await attach()).toMatchObject({ written: false })

    const answer = await dd(`if=/dev/${from} of=DEVICE bs=4096 count=1 seek=2000`)

    expect(answer).toEqual({
      exitStatus: 0,
      stdout: '',
      stderr: '1+0 records in\n1+0 records out\n',
    })
    expect(await attach()).toMatchObject({ written: true })
  },
)

test('bytes are written where seek says, and copied from where skip says', async () => {
  const { dd, bytesAt } = await prompt()

  expect(await dd('of=DEVICE bs=4k seek=2 conv=notrunc,fsync', 'some')).toMatchObject({
    exitStatus: 0,
    stderr: '0+1 records in\n0+1 records out\n',
  })
  await dd('if=DEVICE of=DEVICE bs=4096 skip=2 seek=5 count=1')
  await dd('if=/dev/urandom of=DEVICE bs=512 seek=100 count=2')

  expect(bytesAt(8 * KiB, 4).toString()).toBe('some')
  expect(bytesAt(20 * KiB, 4).toString()).toBe('some')
  expect(bytesAt(50 * KiB, KiB).every(byte => byte === 0)).toBe(false)
  expect(bytesAt(51 * KiB, KiB).every(byte => byte === 0)).toBe(true)
  expect((await dd('if=DEVICE bs=4 skip=2048 count=1')).stdout).toBe('some')
  expect(await dd('if=DEVICE of=/dev/null bs=1M')).toMatchObject({
    stderr: '16+0 records in\n16+0 records out\n',
  })
})

test.each([
  ['if=/dev/zero of=/dev/zvol/tank/csi/none bs=4096 count=1', 'No such file or directory'],
  ['if=/dev/zero of=/tmp/file bs=4096 count=1', 'No such file or directory'],
  ['if=/etc/passwd of=DEVICE bs=4096 count=1', 'No such file or directory'],
  ['if=/dev/zero of=DEVICE bs=4096 count=1 seek=4096', 'unexpected end'],
  ['if=DEVICE of=DEVICE bs=4096 count=1 skip=4096', 'unexpected end'],
  ['if=/dev/zero of=DEVICE bs=4096', 'has no end'],
  ['if=/dev/zero of=DEVICE bs=1g count=1', '256 MiB'],
  ['if=/dev/zero of=DEVICE bs=4096 count=1 status=none', 'bad argument'],
  ['if=/dev/zero of=DEVICE bs=4096 count=1 seek', 'bad argument'],
  ['if=/dev/zero of=DEVICE bs=4096 count=one', 'bad numeric argument'],
  ['if=/dev/zero of=DEVICE bs=0 count=1', 'bad numeric argument'],
  ['if=/dev/zero of=DEVICE count=1 conv=swab', 'conv=swab is not simulated'],
])('dd %s is refused, and nothing is written', async (line, says) => {
  const { dd, attach } = await prompt()

  const { exitStatus, stderr } = await dd(line)

  expect(exitStatus).not.toBe(0)
  expect(stderr).toContain(says)
  expect(await attach()).toMatchObject({ written: false })
})
