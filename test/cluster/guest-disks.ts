// GuestDisks in the tests: what is made, what their status says, and what the guests have.

import { waitFor } from '../support/commands.ts'
import { cluster, storageState } from './fixture.ts'
import type { Kubectl, KubernetesObject } from './kubectl.ts'
import { claim } from './manifests.ts'

/** Looks come every 60 seconds, and a machine that was away takes its time. */
export const FOLLOWS_MS = 240_000

export interface GuestDisk extends KubernetesObject {
  readonly metadata: { readonly name: string; readonly uid: string }
  readonly spec: { readonly guest: string; readonly mountPath?: string }
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
      readonly message: string
    }[]
    readonly volume?: string
    readonly vdisk?: number
    readonly device?: string
    readonly paths?: readonly { readonly serviceDomain: string; readonly state: string }[]
    readonly pathsWorking?: string
  }
}

export const guestDisk = (name: string, spec: Readonly<Record<string, unknown>>) => ({
  apiVersion: 'ldom-csi.io/v1alpha1',
  kind: 'GuestDisk',
  metadata: { name },
  spec: { claimName: name, ...spec },
})

export const LINUX = 'm1/ldg4'

/** A claim and its disk in the Linux guest, both of this name. */
export const linuxDisk = (name: string, guest = LINUX) => [
  claim(name, { storageClass: 'guests-linux' }),
  guestDisk(name, { guest, mountPath: `/srv/${name}` }),
]

export const readDisk = (kubectl: Kubectl, name: string) =>
  kubectl.get<GuestDisk>('guestdisk', name)

export const becomesReady = (kubectl: Kubectl, name: string, limitMs = 180_000) =>
  kubectl.wait(`guestdisk/${name}`, 'condition=Ready', limitMs)

/** Waits until a condition has this reason; answers with its message. */
export async function becomes(
  kubectl: Kubectl,
  name: string,
  { type, reason }: { readonly type: string; readonly reason: string },
): Promise<string> {
  const what = `${type} of ${name} to be ${reason}`
  return waitFor({ what, limitMs: FOLLOWS_MS, everyMs: 500 }, async () => {
    const { status } = await readDisk(kubectl, name)
    const found = status?.conditions?.find(each => each.type === type)
    return found?.reason === reason && found.message
  })
}

/** Waits for an event on a disk, or on its claim, which has the same name. */
export async function tells(
  kubectl: Kubectl,
  what: `${'GuestDisk' | 'PersistentVolumeClaim'} ${string}`,
  reason: string,
): Promise<void> {
  const [kind, name] = what.split(' ')
  const chosen = `involvedObject.kind=${kind},involvedObject.name=${name},reason=${reason}`
  await waitFor(
    { what: `the event ${reason} on ${what}`, limitMs: FOLLOWS_MS, everyMs: 500 },
    async () => (await kubectl.list('events', `--field-selector=${chosen}`)).length > 0,
  )
}

const control = cluster.simulation

export const writeFile = (guest: string, path: string, text: string) =>
  control.control({ op: 'guest-write', guest, path, text })

export async function readFile(guest: string, path: string): Promise<string> {
  return (await control.control<{ text: string }>({ op: 'guest-file', guest, path })).text
}

/** Numbers of the disks that the machine shows in the guest. */
export async function numbersIn(guest: string): Promise<readonly number[]> {
  const { guests } = await storageState()
  return (guests[guest]?.disks ?? []).map(({ id }) => id)
}

export const serviceDomain = (machine: string, name: string, state: 'up' | 'down') =>
  control.control({ op: 'service-domain', machine, name, state })
