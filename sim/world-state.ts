// The state of the simulated installation as plain data, for people and for checks that do not
// trust the driver.

import type { World, WorldGuest } from './world.ts'
import type { SimDataset } from './zfs/model.ts'

export function worldState(world: World) {
  return {
    storage: Object.fromEntries(
      [...world.zfsHosts].map(([host, zfs]) => [host, zfs.datasets().map(datasetState)]),
    ),
    targets: Object.fromEntries(
      [...world.comstarHosts].map(([host, comstar]) => [
        host,
        { units: comstar.units(), views: comstar.views() },
      ]),
    ),
    machines: Object.fromEntries(
      [...world.machines].map(([name, machine]) => [name, machine.state()]),
    ),
    xenMachines: Object.fromEntries(
      [...world.xenMachines].map(([name, machine]) => [name, machine.state()]),
    ),
    guests: Object.fromEntries(
      [...world.guests].map(([id, guest]) => [id, guestState(world, guest)]),
    ),
    hosts: Object.fromEntries([...world.hosts].map(([name, { down }]) => [name, { down }])),
  }
}

function datasetState({ name, volume, local, origin, snapshots }: SimDataset) {
  return {
    name,
    kind: volume === undefined ? 'filesystem' : 'volume',
    ...(volume === undefined ? {} : { sizeBytes: volume.store.sizeBytes, holders: volume.holders }),
    properties: Object.fromEntries(local),
    origin: origin?.name,
    snapshots: snapshots.map(snapshot => snapshot.name),
  }
}

function guestState(world: World, { machine, name, platform, guest }: WorldGuest) {
  const disks = world.guestDisks({ machine, name }).list()
  return {
    platform,
    disks: disks.map(disk => ({
      id: disk.id,
      name: disk.name,
      mode: disk.mode,
      activeServiceDomain: disk.activeServiceDomain(),
    })),
    mounts: guest.mounts(),
  }
}
