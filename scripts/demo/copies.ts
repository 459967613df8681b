// Third part: a snapshot of a mounted claim is restored beside its source, a mounted file system
// grows, and everything is deleted in an awkward order.

import { isOurs, LINUX_MOUNT, ORDER, PAGE, SOLARIS_MOUNT, vdisks, vdsDevices } from './claims.ts'
import { LINUX, SOLARIS, type Stage } from './stage.ts'

const RESTORED_MOUNT = '/srv/web-restored'
const RESTORED_PAGE = `${RESTORED_MOUNT}/index.html`
const NEW_TEXT = 'a page that nobody wanted\n'

// The documents in examples/snapshot-restore.yaml.
const CLASS_AND_SNAPSHOT = { from: 0, to: 2 }
const RESTORED_CLAIM = { from: 2, to: 3 }

export async function snapshotAndRestore(stage: Stage): Promise<void> {
  const { report, linux } = stage
  const classes = stage.example('storage-classes.yaml')
  report.step(`apply takes a snapshot while ${LINUX} has the claim mounted; then the data changes`)
  await stage.apply([stage.example('snapshot-restore.yaml', CLASS_AND_SNAPSHOT)])
  await stage.writeAndRead(linux, stage.inLinux(PAGE.path), NEW_TEXT)

  report.step('apply restores a second claim from it, and mounts it in the guest beside its source')
  await stage.apply([classes, stage.example('snapshot-restore.yaml')])
  const path = stage.inLinux(RESTORED_MOUNT)
  const mounts = [await linux.mountAt(stage.inLinux(LINUX_MOUNT)), await linux.mountAt(path)]
  report.check(
    `${LINUX} has both, each on its own disk`,
    mounts.every(mount => mount?.type === 'ext4') && mounts[0]?.source !== mounts[1]?.source,
    mounts.map(mount => mount?.source).join(', '),
  )
  await stage.expectText(linux, stage.inLinux(RESTORED_PAGE), PAGE.text)
  await stage.expectText(linux, stage.inLinux(PAGE.path), NEW_TEXT)
}

export async function growClaim(stage: Stage): Promise<void> {
  const { report, solaris } = stage
  report.step(`apply doubles the claim of ${SOLARIS} while it is mounted`)
  await stage.apply([
    stage.example('storage-classes.yaml'),
    stage.example('claim-solaris-grown.yaml'),
  ])
  const zvol = (await stage.state()).storage.storage1?.find(
    ({ sizeBytes }) => sizeBytes === 128 * 1024 ** 2,
  )
  report.check('its zvol has 128 MiB', zvol !== undefined, zvol?.name)
  await stage.expectText(solaris, ORDER.path, ORDER.text)
}

export async function deleteEverything(stage: Stage): Promise<void> {
  const { report, linux, solaris } = stage
  const classes = stage.example('storage-classes.yaml')
  report.step('apply --delete deletes the source first; its snapshot and the restored claim stay')
  await stage.apply([classes, stage.example('claim-linux.yaml')], ['--delete'])
  const { output } = await stage.inspect('volumes', [], line => report.say(line))
  report.check('ldom-csi volumes does not list it any more', !/ default\/web /.test(output))
  await stage.expectText(linux, stage.inLinux(RESTORED_PAGE), PAGE.text)

  report.step('Then it deletes the snapshot; the claim restored from it stays')
  await stage.apply([stage.example('snapshot-restore.yaml', CLASS_AND_SNAPSHOT)], ['--delete'])
  await stage.expectText(linux, stage.inLinux(RESTORED_PAGE), PAGE.text)

  report.step('Last it deletes the restored claim, and the claim of the other guest')
  const rest = [
    stage.example('snapshot-restore.yaml', RESTORED_CLAIM),
    stage.example('claim-solaris-grown.yaml'),
  ]
  await stage.apply([classes, ...rest], ['--delete'])
  const state = await stage.state()
  const left = Object.values(state.storage).flat().filter(isOurs)
  report.check(
    'no volume, no snapshot and no record is left',
    left.length === 0,
    left.map(({ name }) => name).join(', '),
  )
  report.check(
    'no VdsDevice and no vdisk is left',
    vdsDevices(state).length === 0 && vdisks(state).length === 0,
  )
  const mounts = await Promise.all([
    ...[LINUX_MOUNT, RESTORED_MOUNT].map(path => linux.mountAt(stage.inLinux(path))),
    solaris.mountAt(SOLARIS_MOUNT),
  ])
  report.check(
    'no mount is left',
    mounts.every(mount => mount === undefined),
  )
  await stage.expectNothingToAudit()
}
