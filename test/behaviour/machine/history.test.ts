// Random histories of a machine: whatever administrators typed, the driver sees what is there, and
// nothing holds a backend that no bound disk uses.

import fc from 'fast-check'
import { parseListing } from '../../../src/hypervisors/ldoms/listing.ts'
import { toLdomState } from '../../../src/hypervisors/ldoms/state.ts'
import { machineWorld } from './world.ts'

const PATHS = ['/dev/dsk/c0t1d0s2', '/dev/dsk/c0t2d0s2']
const name = fc.constantFrom('a', 'b')
const vds = fc.constantFrom('primary-vds0', 'alternate-vds0')
const guest = fc.constantFrom('ldg1', 'ldg2', 'ldg3')
const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', 'mpgroup=g ', 'options=ro ', 'options=ro,slice mpgroup=h '),
      fc.constantFrom(...PATHS),
      name,
      vds,
    )
    .map(
      ([properties, path, volume, server]) =>
        `add-vdsdev -f ${properties}${path} ${volume}@${server}`,
    ),
  fc
    .tuple(fc.constantFrom('', 'id=100 ', 'timeout=5 id=101 '), name, name, vds, guest)
    .map(
      ([properties, disk, volume, server, owner]) =>
        `add-vdisk ${properties}${disk} ${volume}@${server} ${owner}`,
    ),
  fc.tuple(name, guest).map(([disk, owner]) => `rm-vdisk ${disk} ${owner}`),
  fc.tuple(name, vds).map(([volume, server]) => `rm-vdsdev ${volume}@${server}`),
  fc
    .tuple(name, vds, name, guest)
    .map(
      ([volume, server, disk, owner]) => `set-vdisk volume=${volume}@${server} ${disk} ${owner}`,
    ),
  fc.tuple(fc.constantFrom('bind', 'unbind', 'start', 'stop'), guest).map(words => words.join(' ')),
  fc.constantFrom(
    'start-reconf primary',
    'cancel-reconf primary',
    'add-spconfig saved',
    'rm-spconfig saved',
    'power cycle',
    'alternate down',
    'alternate up',
  ),
)

test(
  'after any history the listing tells what is there, and exactly the bound disks hold their ' +
    'backends',
  async () => {
    const property = fc.asyncProperty(
      fc.array(line, { minLength: 20, maxLength: 60, size: 'max' }),
      async lines => {
        const { sim, ldm, lun } = machineWorld()
        const luns = PATHS.map(path => lun(path))
        for (const each of lines) {
          if (each === 'power cycle') sim.powerCycle()
          else if (each.startsWith('alternate ')) {
            sim.setServiceDomain('alternate', each.endsWith('up') ? 'up' : 'down')
          } else await ldm(each)
        }
        sim.setServiceDomain('alternate', 'up')

        const seen = toLdomState(parseListing((await ldm('list-bindings -p')).stdout))
        const { domains } = sim.state()
        const disks = domains.flatMap(domain =>
          domain.vdisks.map(
            vdisk => `${domain.name} ${vdisk.name} ${vdisk.id} ${vdisk.volume}@${vdisk.vds}`,
          ),
        )
        expect(
          seen.disks
            .map(
              disk =>
                `${disk.guest} ${disk.name} ${disk.slot} ` +
                `${disk.backends[0]?.name}@${disk.backends[0]?.service}`,
            )
            .sort(),
        ).toEqual(disks.sort())
        const volumes = domains.flatMap(domain =>
          domain.vds.flatMap(server =>
            server.volumes.map(
              volume => `${volume.name}@${server.name} ${volume.device} ${volume.mpgroup}`,
            ),
          ),
        )
        expect(
          seen.backends
            .map(
              backend =>
                `${backend.name}@${backend.service} ${backend.device} ${backend.group ?? ''}`,
            )
            .sort(),
        ).toEqual(volumes.sort())

        const bound = new Set(
          domains.filter(({ state }) => state !== 'inactive').map(domain => domain.name),
        )
        const paths = seen.disks
          .filter(disk => bound.has(disk.guest))
          .flatMap(disk => disk.backends.map(path => `vds ${path.name}@${path.service}`))
        expect(
          luns.flatMap(pair => [...pair.primary.holders, ...pair.alternate.holders]).sort(),
        ).toEqual(paths.sort())
      },
    )
    await fc.assert(property, { numRuns: 300 })
  },
)
