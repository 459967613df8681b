// The whole driver on the simulated installation, through its sockets: both designs, a Solaris
// guest that grows disks online.

import { SimShell } from '../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { controllerService } from '../../src/csi/controller.ts'
import { identityService } from '../../src/csi/identity.ts'
import { nodeService } from '../../src/csi/node.ts'
import { groupControllerService } from '../../src/csi/snapshots.ts'
import { GuestHealth } from '../../src/guest/guest-health.ts'
import { SolarisPlatform } from '../../src/guest/solaris/solaris.ts'
import { MiB } from '../../src/model/volumes.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { Health } from '../../src/storage/health.ts'
import { install } from '../support/installation.ts'
import { MUTABLE_PARAMETERS } from './conformance/world.ts'
import { conformanceSuite } from './conformance-suite.ts'
import { servePlugin } from './plugin.ts'

const driverName = 'vdisk.ldom-csi.io'
const stagingPath = '/var/lib/staging'
const targetDirectory = '/var/lib/targets'

// The Solaris dialect of the machines' own pools takes one snapshot a command.
const DIALECTS = {
  silver: { groups: 'refused', mutableParameters: MUTABLE_PARAMETERS },
  gold: { groups: 'cut', mutableParameters: MUTABLE_PARAMETERS },
} as const

async function serve(pool: 'silver' | 'gold') {
  const { world, clock, driver, node: guestVolumes } = install()
  const shell = new SimShell(world.guests.get('m1/ldg1')?.host ?? missing())
  await shell.run(['/bin/mkdir', '-p', stagingPath, targetDirectory], { effect: 'write' })

  const { volumes, attachments, changes, snapshots, groups, pools } = driver()
  const options = {
    driverName,
    volumes,
    attachments,
    changes,
    snapshots,
    pools,
    health: new Health({ pools }),
    snapshotTopology: true,
  }
  const identity = identityService({ driverName, version: '1.2.3', snapshotTopology: true })
  const controller = await servePlugin([
    identity,
    controllerService(options),
    groupControllerService({ ...options, groups }),
  ])

  const health = new GuestHealth({
    platform: new SolarisPlatform(shell),
    host: createHost({ changes: ALL_CHANGES, name: 'm1/ldg1', shell, clock }),
  })
  const guest = { machine: 'm1', guest: 'ldg1' }
  const node = await servePlugin([
    identity,
    nodeService({ driverName, guest, attachLimit: 60, volumes: guestVolumes('m1/ldg1'), health }),
  ])
  return {
    ...{
      controller: controller.client,
      node: node.client,
      driverName,
      nodeId: 'm1/ldg1',
      otherNodeId: 'm1/ldg2',
      parameters: { pool },
    },
    ...DIALECTS[pool],
    // Published as a link (Solaris).
    readOnlyNodes: 'impossible' as const,
    ...{ sizeBytes: 16 * MiB, stagingPath, targetDirectory },
    end: async () => {
      await Promise.all([controller.end(), node.end()])
    },
  }
}

function missing(): never {
  throw new Error('the simulated installation has no guest m1/ldg1')
}

conformanceSuite('pool silver of design local', () => serve('silver'))
conformanceSuite('pool gold of design lun', () => serve('gold'))
