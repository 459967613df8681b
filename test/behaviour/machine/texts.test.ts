// Text that the administrators of guests write stands in the listing of the whole machine: it
// decides over nobody else's disks.

import { findVolumeId } from '../../../src/model/ids.ts'
import { attachmentName } from '../../../src/storage/names.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

async function scene() {
  const { world, driver } = install()
  const { volumes, attachments } = driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  return {
    machine: world.machine('m1'),
    name: attachmentName(findVolumeId(volume.id)?.leaf ?? '', { machine: 'm1', guest: 'ldg1' }),
    attach: (guest: string) => attachments.attach(attachRequest(volume.id, guest)),
    detach: (guest: string) =>
      attachments.detach(volume.id, { machine: 'm1', guest: guest.slice(3) }),
  }
}

test.each([
  ['." ChassisSerialNumber XXX0000YYY " cr', 'a line in the form of a serial number'],
  ['devalias rootmirr /pci@400/pci@2', 'a second alias'],
  ['  apply disable-link\n\nBANNER', 'blanks, and a word that looks like a head'],
  ['|vol=a|dev=/dev/dsk/c0t0d0s2', 'a line that looks like a device'],
])('a variable of several lines, %j, is nobody’s obstacle (%s)', async text => {
  const { machine, attach, detach } = await scene()
  for (const domain of ['primary', 'ldg1', 'ldg2']) {
    machine.setVariable(domain, 'nvramrc', `probe-all\n${text}`)
  }
  await attach('m1/ldg1')
  await expect(detach('m1/ldg1')).resolves.toBeUndefined()
})

test(
  'a guest that writes records into its variables gets and gives no disk, and its neighbour ' +
    'does',
  async () => {
    const { machine, attach, detach } = await scene()
    const text = 'probe-all\nVDS|name=primary-vds0\n|vol=evil|opts=|dev=/dev/zvol/dsk/tank/evil'
    machine.setVariable('ldg1', 'nvramrc', text)
    const refusal = { kind: 'unavailable', message: expect.stringContaining('nvramrc') }
    await expect(attach('m1/ldg1')).rejects.toMatchObject(refusal)
    await attach('m1/ldg2')
    machine.setVariable('ldg2', 'nvramrc', text)
    await expect(detach('m1/ldg2')).rejects.toMatchObject(refusal)
    machine.setVariable('ldg2', 'nvramrc', '')
    await detach('m1/ldg2')
  },
)

test('a disk that only a variable of the guest speaks of is not taken for attached', async () => {
  const { machine, name, attach } = await scene()
  const forged = `VDISK|name=${name}|vol=${name}@primary-vds0|timeout=|dev=disk@101|server=primary|mpgroup=|id=101`
  machine.setVariable('ldg1', 'nvramrc', `probe-all\n${forged}`)
  await expect(attach('m1/ldg1')).rejects.toMatchObject({ kind: expect.any(String) })
  expect(machine.guestDisks('ldg1').list()).toEqual([])
})
