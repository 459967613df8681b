// Converts a state of `ldm` to a view of the port: exports and disks become uses, each with the
// command that removes it.

import type { DiskUse, ExportUse, MachineView, UsePath } from '../hypervisor.ts'
import { missingFromLive } from './plan.ts'
import type { ExportedBackend, GuestDisk, LdomState } from './state.ts'

export function viewOf(machine: string, state: LdomState): MachineView {
  const exported = Map.groupBy(state.backends, ({ name, service }) => `${name}@${service}`)
  // Built on demand, because most views are read only for their uses.
  let about: ((name: string) => LdomState) | undefined
  return {
    guests: state.guests,
    uses: [
      ...state.backends.map(toExportUse),
      ...state.disks.map(disk => toDiskUse(disk, exported)),
    ],
    frozen: state.frozen,
    missing: wanted => {
      about ??= sorted(state)
      return missingFromLive(wanted, machine, about(wanted.key))
    },
  }
}

/**
 * The state reduced to the disk of one attachment, indexed because a machine may have thousands.
 */
function sorted(state: LdomState): (name: string) => LdomState {
  const backends = Map.groupBy(state.backends, backend => backend.name)
  const disks = Map.groupBy(state.disks, disk => disk.name)
  return name => ({ ...state, backends: backends.get(name) ?? [], disks: disks.get(name) ?? [] })
}

function toExportUse({ name, service, serviceDomain, device }: ExportedBackend): ExportUse {
  const label = `${name}@${service}`
  return {
    kind: 'export',
    key: name,
    label,
    removal: `ldm rm-vdsdev ${label}`,
    paths: [{ key: name, domain: serviceDomain, service, device, state: 'unknown' }],
  }
}

function toDiskUse(
  { name, guest, slot, backends }: GuestDisk,
  exported: ReadonlyMap<string, readonly ExportedBackend[]>,
): DiskUse {
  return {
    kind: 'disk',
    key: name,
    label: name,
    removal: `ldm rm-vdisk ${name} ${guest}`,
    guest,
    slot,
    paths: backends.flatMap((path): readonly UsePath[] => {
      const { service, serviceDomain: domain, state } = path
      const known = { key: path.name, domain, service, state }
      // Of a service that is listed twice any export may be the one that serves the disk.
      const devices = exported.get(`${path.name}@${service}`) ?? [{ device: undefined }]
      return devices.map(({ device }) => ({ ...known, device }))
    }),
  }
}
