// What zfs has of a volume after it was made, copied or grown.

import { SimShell } from '../../../sim/sim-shell.ts'
import type { World } from '../../../sim/world.ts'
import { MiB, type Volume } from '../../../src/model/volumes.ts'
import type { TestInstallation } from '../../support/installation.ts'

export const size = (mebibytes: number, limit = 0) => ({
  requiredBytes: mebibytes * MiB,
  limitBytes: limit * MiB,
})

export async function zfs(world: World, host: string, ...args: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await new SimShell(world.host(host)).run(
    ['/usr/sbin/zfs', ...args],
    { effect: 'write' },
  )
  if (exitStatus !== 0) throw new Error(stderr)
  return stdout
}

const HOSTS = { silver: ['m1-primary', 'mtank'], gold: ['storage1', 'tank'] } as const

export function datasetOf({ world }: TestInstallation, volume: Pick<Volume, 'pool' | 'leaf'>) {
  const [host, pool] = HOSTS[volume.pool as keyof typeof HOSTS]
  const name = `${pool}/kubernetes/${volume.leaf}`
  const dataset = world.zfs(host).dataset(name)
  return {
    host,
    name,
    dataset,
    reserved: Number(dataset?.local.get('refreservation') ?? 0),
    sizeBytes: dataset?.volume?.store.sizeBytes,
  }
}

export const filesystem = (type: 'any' | 'ext4' | 'xfs' | 'ufs') =>
  ({ kind: 'filesystem', type }) as const
