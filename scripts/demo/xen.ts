// Last part: the same driver with a simulated Xen machine. Its guest is destroyed and created anew,
// and its file system grows while it is mounted.

import { readFileSync, writeFileSync } from 'node:fs'
import { isOurs, isVolume, LINUX_MOUNT, PAGE, startEverything } from './claims.ts'
import type { WorldState } from './simulation.ts'
import { type Stage, XEN_GUEST } from './stage.ts'

export async function demonstrateXen(stage: Stage): Promise<void> {
  await startEverything(stage)
  const number = await applyClaim(stage)
  await createGuestAnew(stage, number)
  await growWhileMounted(stage)
  await deleteClaim(stage)
}

const claimFiles = (stage: Stage) =>
  ['storage-classes.yaml', 'claim-xen.yaml'].map(name => stage.example(name))

async function applyClaim(stage: Stage): Promise<number> {
  const { report, linux } = stage
  report.step(`ldom-csi apply gives ${XEN_GUEST}, a guest of Xen, a claim of examples/`)
  await stage.apply(claimFiles(stage))
  const state = await stage.state()
  const zvol = volumes(state)[0]
  const [vbd, ...others] = vbds(state)
  report.check('a zvol in the pool of dom0', zvol?.sizeBytes === 64 * 1024 ** 2, zvol?.name)
  report.check(
    'one virtual disk of the guest leads to it',
    others.length === 0 && vbd?.target === `/dev/zvol/${zvol?.name}`,
    `vbd ${vbd?.number}`,
  )
  await stage.writeAndRead(linux, stage.inLinux(PAGE.path), PAGE.text)
  return vbd?.number ?? 0
}

async function createGuestAnew(stage: Stage, number: number): Promise<void> {
  const { report, linux, simulation } = stage
  report.step('xl destroys the guest and creates it anew; then apply runs again')
  await linux.losePower()
  await simulation.ask({ op: 'guest', guest: XEN_GUEST, change: 'stop' })
  await simulation.ask({ op: 'guest', guest: XEN_GUEST, change: 'start' })
  report.check('it has no disk', vbds(await stage.state()).length === 0)
  await stage.apply(claimFiles(stage))
  const again = vbds(await stage.state())
  report.check(
    'the disk is back under the same number',
    again.length === 1 && again[0]?.number === number,
    `vbd ${again[0]?.number}`,
  )
  await stage.expectText(linux, stage.inLinux(PAGE.path), PAGE.text)
}

async function growWhileMounted(stage: Stage): Promise<void> {
  const { report, linux } = stage
  report.step('apply doubles the claim while it is mounted')
  const [classes = '', claim = ''] = claimFiles(stage)
  writeFileSync(claim, readFileSync(claim, 'utf8').replace('64Mi', '128Mi'))
  await stage.apply([classes, claim])
  const zvol = volumes(await stage.state())[0]
  report.check('its zvol has 128 MiB', zvol?.sizeBytes === 128 * 1024 ** 2, zvol?.name)
  await stage.expectText(linux, stage.inLinux(PAGE.path), PAGE.text)
}

async function deleteClaim(stage: Stage): Promise<void> {
  const { report, linux } = stage
  report.step('apply --delete takes everything away')
  await stage.apply(claimFiles(stage), ['--delete'])
  const state = await stage.state()
  const mount = await linux.mountAt(stage.inLinux(LINUX_MOUNT))
  report.check(
    'no volume, no record, no virtual disk and no mount is left',
    Object.values(state.storage).flat().filter(isOurs).length === 0 &&
      vbds(state).length === 0 &&
      mount === undefined,
  )
  await stage.expectNothingToAudit()
}

function vbds(state: WorldState) {
  return (state.xenMachines.x1?.domains ?? []).flatMap(domain => domain.vbds)
}

function volumes(state: WorldState) {
  return Object.values(state.storage).flat().filter(isVolume)
}
