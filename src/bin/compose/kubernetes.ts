// The controller as one of several pods: one of them holds the Lease and works, the others wait.
// Loaded only where the process runs in a cluster, as the library costs memory.

import { randomBytes } from 'node:crypto'
import { systemClock } from '../../clock.ts'
import type { CallWatch } from '../../csi/wire/handler.ts'
import { describeError, isStorageError } from '../../errors.ts'
import { ApiServer } from '../../kubernetes/api-server.ts'
import { Claims } from '../../kubernetes/claims.ts'
import { Events } from '../../kubernetes/events.ts'
import { Lease } from '../../kubernetes/lease.ts'
import { Leases, leaseName } from '../../kubernetes/leases.ts'
import { admitHolder } from '../../kubernetes/standby.ts'
import { eventsOfFailure } from '../../kubernetes/told-calls.ts'
import type { Log } from '../../log.ts'
import { Health } from '../../storage/health.ts'
import { type PathChange, PathWatch } from '../../storage/path-watch.ts'
import { VERSION } from '../version.ts'
import type { Installation } from './installation.ts'
import { readPodEnvironment } from './pod.ts'

export interface ClusterOptions {
  readonly installation: Installation
  /** Where the token and the certificate authority of the ServiceAccount are. */
  readonly serviceAccount: string
  readonly log: Log
}

export interface Cluster {
  /** Whether this process is the one that works. */
  isHeld(): boolean
  readonly watch: CallWatch
  /**
   * Waits for the lease, and begins the work then. `lost` is called once when the lease is lost.
   * Answers how all of it ends.
   */
  start(work: () => () => Promise<void>, lost: () => void): () => Promise<void>
}

export function joinCluster({ installation, serviceAccount, log }: ClusterOptions): Cluster {
  const { pod, namespace, host, port } = readPodEnvironment('--kubernetes')
  const { config, volumes, pools } = installation
  const { driverName } = config
  const clock = systemClock
  const api = new ApiServer({ host, port, userAgent: `ldom-csi/${VERSION}`, serviceAccount })
  const holder = `${pod}_${randomBytes(8).toString('hex')}`
  const store = new Leases({ api, namespace, name: leaseName(driverName) })
  const lease = new Lease({ store, holder, clock, log })
  const nameOf = async (volumeId: string, signal?: AbortSignal) => {
    try {
      return (await volumes.getVolume(volumeId, signal)).name
    } catch (error) {
      if (!isStorageError(error)) throw error
      return undefined
    }
  }
  const claims = new Claims({ api, driverName, nameOf })
  const events = new Events({ api, claims, driverName, instance: pod, clock, log })
  const health = new Health({ pools })
  const paths = new PathWatch({ pools, health, clock, log, tell: each => tellPath(events, each) })
  return {
    isHeld: () => lease.isHeld(),
    watch: {
      admit: rpc => admitHolder(rpc, lease),
      failed: failure => {
        for (const event of eventsOfFailure(failure)) events.tell(event)
      },
    },
    start: (work, lost) => {
      const ending = new AbortController()
      const stopped = new AbortController()
      const begun: (() => Promise<void>)[] = []
      const run = async () => {
        await lease.acquire(ending.signal)
        if (ending.signal.aborted) return
        log.info({ holder }, 'this controller holds the lease, and works')
        begun.push(work(), paths.keepLooking())
        const why = await lease.keep(stopped.signal)
        if (why === undefined) return
        log.error({ holder, error: why }, 'the lease is lost: this process ends')
        lost()
      }
      log.info({ holder }, 'this controller waits for the lease')
      const running = run().catch(error => {
        if (!ending.signal.aborted) throw error
      })
      return async () => {
        ending.abort()
        // The lease is kept while the work comes to its end.
        await Promise.all(begun.map(stop => stop()))
        await events.stop()
        stopped.abort()
        await running
        await lease.release().catch(error => {
          log.warn({ error: describeError(error) }, 'the lease could not be given back')
        })
        api.close()
      }
    },
  }
}

function tellPath(events: Events, change: PathChange): void {
  const { volumeId } = change
  if (change.kind === 'back') {
    const message = 'every path of the volume works again'
    events.tell({ volumeId, type: 'Normal', reason: 'PathsRestored', message })
    return
  }
  const { reason, message } = change.problem
  events.tell({ volumeId, type: 'Warning', reason, message })
}
