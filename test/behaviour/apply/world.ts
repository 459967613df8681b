// `apply` on a simulated installation in one process: real storage, real guests' code, real sockets
// between. For tests.

import { readFileSync } from 'node:fs'
import { worldState } from '../../../sim/world-state.ts'
import {
  type ApplyFailure,
  applyManifests,
  deleteManifests,
  detachManifests,
} from '../../../src/apply/apply.ts'
import type { ApplyTools } from '../../../src/apply/step.ts'
import { controllerServices } from '../../../src/bin/compose/installation.ts'
import type { Clock } from '../../../src/clock.ts'
import { identityService } from '../../../src/csi/identity.ts'
import { nodeService } from '../../../src/csi/node.ts'
import { parseManifests } from '../../../src/manifests/manifests.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import { type Plugin, servePlugin } from '../../protocol/plugin.ts'
import { install } from '../../support/installation.ts'

export const DRIVER = 'vdisk.ldom-csi.io'

/** Time that passes only while somebody sleeps. */
export function patientClock(): Clock & { sleptMs: number } {
  const clock = {
    sleptMs: 0,
    nowMs: () => clock.sleptMs,
    // A sleep that nobody needs ends with its signal; one that a retry needs ends at once.
    sleep: (ms: number, signal?: AbortSignal) =>
      signal === undefined
        ? Promise.resolve().then(() => {
            clock.sleptMs += ms
          })
        : new Promise<void>((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
          ),
  }
  return clock
}

export async function applyWorld(
  guests: readonly string[],
  installation: Parameters<typeof install>[0] = spec => spec,
) {
  const { world, driver: start, node } = install(installation)
  const driver = start()
  const serveNode = async (id: string): Promise<[string, Plugin]> => {
    const guest = parseGuestId(id)
    const services = [
      identityService({ driverName: DRIVER, version: '1', snapshotTopology: true }),
      nodeService({
        driverName: DRIVER,
        guest,
        attachLimit: 60,
        volumes: node(id),
        health: undefined,
      }),
    ]
    return [id, await servePlugin(services)]
  }
  const controller = await servePlugin(controllerServices({ ...driver, stop: async () => {} }, '1'))
  const nodes = new Map(await Promise.all(guests.map(serveNode)))
  const lines: string[] = []
  const tools: ApplyTools = {
    controller: controller.client,
    nodes: new Map([...nodes].map(([id, { client }]) => [id, client])),
    clock: patientClock(),
    timeoutMs: 60_000,
    stagingDirectory: '/var/lib/ldom-csi/staging',
    print: line => lines.push(line),
  }
  const parse = (texts: readonly string[]) =>
    parseManifests(texts.map((text, at) => ({ file: `file ${at + 1}`, text })))
  const perform =
    (work: typeof applyManifests) =>
    (...texts: readonly string[]): Promise<readonly ApplyFailure[]> =>
      work(parse(texts), tools)
  return {
    world,
    driver,
    tools,
    lines,
    apply: perform(applyManifests),
    remove: perform(deleteManifests),
    detach: perform(detachManifests),
    /** Everything there is, to compare. */
    state: () => JSON.stringify(worldState(world)),
    datasets: () =>
      [...world.zfsHosts.values()]
        .flatMap(zfs => zfs.datasets().map(({ name }) => name))
        .filter(name => /\/[va]-|@/.test(name)),
    end: async () => {
      await Promise.all([controller, ...nodes.values()].map(plugin => plugin.end()))
    },
  }
}

export type ApplyWorld = Awaited<ReturnType<typeof applyWorld>>

export function example(name: string): string {
  return readFileSync(new URL(`../../../examples/${name}`, import.meta.url), 'utf8')
}
