// After all other tests: what the driver was allowed and what it used, and the memory of each
// container.

import { cluster, SLOW_MS } from './fixture.ts'
import { granted, used } from './permissions.ts'
import { NAMESPACE, NODES } from './settings.ts'

/** Nobody may create anything in a namespace that goes; whoever tells of its end hears this. */
const NAMESPACE_GOES = /because it is being terminated/

test('nothing that the driver or a sidecar asked of the API server was refused', () => {
  const refused = used().flatMap(({ program, action, refused }) =>
    refused === undefined || NAMESPACE_GOES.test(refused)
      ? []
      : [`${program}: ${action}: ${refused}`],
  )

  expect([...new Set(refused)]).toEqual([])
})

/** Rights that no test exercises, each with its reason. */
const UNUSED: readonly { readonly fits: RegExp; readonly because: string }[] = [
  {
    fits: /^ldom-csi-(provisioner|attacher|resizer|snapshotter): list /,
    because: 'caches of client-go list where the API server cannot stream the first state',
  },
  {
    fits: /^ldom-csi-(provisioner|attacher|resizer|snapshotter): get /,
    because: 'a sidecar reads an object itself where its cache is behind; upstream asks for it',
  },
  {
    fits: /^ldom-csi-(provisioner|resizer|snapshotter): (update|watch) events$/,
    because: 'recorders of events of older client-go; upstream asks for it',
  },
  {
    fits: /^ldom-csi-driver: list persistentvolumes$/,
    because: 'an event on the claim of a static volume; no test makes one',
  },
  {
    fits: /^ldom-csi-provisioner: patch csistoragecapacities/,
    because: 'upstream asks for it',
  },
  {
    fits: /^ldom-csi-snapshotter: (update volume(group)?snapshotcontents|patch volumegroupsnapshotcontents\/status)/,
    because: 'finalizers and errors of contents, in orders that no test brings about',
  },
]

test(
  'every right of the driver and its sidecars is used, or has a reason',
  async () => {
    const done = new Set(used().map(({ action }) => action))

    const unused = (await granted(cluster.kubectl)).filter(
      right => !done.has(right.slice(right.indexOf(': ') + 2)),
    )

    console.log(`rights granted and not used:\n${unused.join('\n')}`)
    expect(unused.filter(right => !UNUSED.some(({ fits }) => fits.test(right)))).toEqual([])
  },
  SLOW_MS,
)

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string }
    readonly containers?: readonly {
      readonly name: string
      readonly memory?: { readonly workingSetBytes?: number; readonly rssBytes?: number }
    }[]
  }[]
}

const MiB = 1024 ** 2
/** Of the controller with its Kubernetes client. */
const LIMIT = 160 * MiB

test(
  'the driver stays below its memory limit in every pod',
  async () => {
    const rows: { pod: string; container: string; rss: number; workingSet: number }[] = []
    for (const { name } of NODES) {
      const path = `/api/v1/nodes/${name}/proxy/stats/summary`
      const summary: Summary = JSON.parse(await cluster.kubectl.run(['get', '--raw', path]))
      for (const { podRef, containers = [] } of summary.pods) {
        if (podRef.namespace !== NAMESPACE) continue
        for (const { name: container, memory } of containers) {
          const { rssBytes: rss = 0, workingSetBytes: workingSet = 0 } = memory ?? {}
          rows.push({ pod: podRef.name, container, rss, workingSet })
        }
      }
    }

    const lines = rows.map(
      ({ pod, container, rss, workingSet }) =>
        `${(rss / MiB).toFixed(0).padStart(5)} MiB rss ${(workingSet / MiB).toFixed(0).padStart(5)}` +
        ` MiB working set  ${container} of ${pod}`,
    )
    console.log(lines.join('\n'))
    const ours = rows.filter(({ container }) => /^(ldom-csi|guest-disks)$/.test(container))
    expect(ours.filter(({ rss }) => rss > LIMIT)).toEqual([])
  },
  SLOW_MS,
)
