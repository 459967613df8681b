// The checks of `doctor` for a pool of design `lun`. Is COMSTAR online? Is every service domain
// logged in, and does it see disks by GUID? Reads only.

import { attempt, type Check, fail, ok, skip } from '../../../checks.ts'
import type { Stmfadm } from '../../../comstar/stmfadm.ts'
import type { Iscsiadm } from '../../../iscsi/iscsiadm.ts'
import type { Pool, PoolExamination, PoolPath } from '../../pool.ts'

export interface ExaminedUnits {
  readonly stmfadm: Stmfadm
  readonly target: string // iqn of the pool's target
  readonly iscsiadm: (path: PoolPath) => Iscsiadm
}

export async function examineUnits(
  pool: Pool,
  { isUp, dialect, ...tools }: PoolExamination & ExaminedUnits,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const old =
    dialect?.name === 'solaris-10'
      ? [
          fail(
            `pool ${pool.name}`,
            'Solaris 10 has no COMSTAR',
            'use a storage host with Solaris 11 or illumos',
          ),
        ]
      : []
  const target = isUp(pool.host)
    ? await examineTarget(pool, tools, signal)
    : [skip(`COMSTAR on ${pool.host.name}`, pool.host.name)]
  const paths = [...pool.machines].flatMap(([machine, each]) =>
    each.paths.map(async (path): Promise<readonly Check[]> => {
      const object = `path ${pool.name} through ${path.serviceDomain} of ${machine}`
      if (!isUp(path.host)) return [skip(object, path.host.name)]
      const wayOut = `allow the account on ${path.host.name} to run iscsiadm`
      const initiator = { target: tools.target, iscsiadm: tools.iscsiadm(path) }
      return attempt(object, wayOut, async () => [
        await examineInitiator(object, initiator, signal),
      ])
    }),
  )
  return [...old, ...target, ...(await Promise.all(paths)).flat()]
}

function examineTarget(
  pool: Pool,
  { stmfadm, target }: Pick<ExaminedUnits, 'stmfadm' | 'target'>,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const host = pool.host.name
  const object = `COMSTAR on ${host}`
  return attempt(object, `allow the account on ${host} to run stmfadm`, async () => {
    const [state, units] = await Promise.all([
      stmfadm.state(signal),
      stmfadm.listLogicalUnits(undefined, signal),
    ])
    if (state.operational !== 'online' || state.configuration !== 'initialized') {
      return [
        fail(
          object,
          `is ${state.operational} and ${state.configuration}`,
          'svcs stmf: svcadm enable stmf where it is disabled, svcadm clear stmf where it is in ' +
            'maintenance',
        ),
      ]
    }
    const online = `is online with ${units.length} logical units`
    return [ok(object, `${online}; pool ${pool.name} uses target ${target}`)]
  })
}

async function examineInitiator(
  object: string,
  { iscsiadm, target: iqn }: { readonly iscsiadm: Iscsiadm; readonly target: string },
  signal?: AbortSignal,
): Promise<Check> {
  const [name, target] = await Promise.all([
    iscsiadm.initiatorName(signal),
    iscsiadm.listTarget(iqn, signal),
  ])
  if (target === undefined || target.connections === 0) {
    const wayOut =
      'iscsiadm add discovery-address ADDRESS; iscsiadm modify discovery ' +
      `--sendtargets enable; check that ${name} is in the host group`
    return fail(object, `initiator ${name} is not logged in to ${iqn}`, wayOut)
  }
  const seen = target.luns.flatMap(({ device }) => device ?? [])
  const odd = seen.find(device => !/\/c\d+t[0-9A-F]{32}d0(s\d)?$/i.test(device))
  if (odd !== undefined) {
    return fail(
      object,
      `${odd} is not named by a GUID: multipathing is off`,
      'enable MPxIO (stmsboot -e, or mpxio-disable="no" in iscsi.conf) and reboot the domain',
    )
  }
  const named =
    seen.length > 0
      ? `${seen.length} disks named by GUID`
      : 'no disk seen yet, so multipathing is not proved'
  return ok(object, `initiator ${name}, ${target.connections} connections, ${named}`)
}
