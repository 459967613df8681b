// csi-sanity, whole, against the driver on the real storage host. What `npm run test:sanity` also
// varies has nothing to do with storage hosts: secrets, and the switches of the services.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTool } from '../../scripts/csi-tools.ts'
import { GuestPaths } from '../../scripts/sanity/guest-paths.ts'
import { runSanity } from '../../scripts/sanity/run.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import type { Plugin } from '../protocol/plugin.ts'
import { OpenZfsInstallation } from './installation.ts'
import { serveController, serveNode } from './plugins.ts'
import { RawZfs } from './raw-zfs.ts'

/** As small as possible, because the suite fills the guest up to this limit. */
const ATTACH_LIMIT = 3

let directory = ''
let installation: OpenZfsInstallation
let paths: GuestPaths
let plugins: readonly Plugin[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'csi-sanity-'))
  installation = await OpenZfsInstallation.onShared('sanity')
  paths = new GuestPaths(new SimShell(installation.world.host('m1-ldg1')))
  await paths.start(join(directory, 'programs'))
})

afterEach(async () => {
  for (const plugin of plugins) await plugin.end()
  plugins = []
})

afterAll(async () => {
  await paths.stop()
  await installation?.end()
  rmSync(directory, { recursive: true })
})

test.each([
  { suite: '5.6', access: 'mount', health: 'on', snapshotTopology: 'on' },
  { suite: '5.6', access: 'block', health: 'on', snapshotTopology: 'on' },
  { suite: '5.5', access: 'mount', health: 'off', snapshotTopology: 'off' },
] as const)('csi-sanity $suite passes with $access volumes', async setting => {
  await buildTool(`csi-sanity-${setting.suite}`)
  const switches = {
    health: setting.health === 'on',
    snapshotTopology: setting.snapshotTopology === 'on',
    attachLimit: ATTACH_LIMIT,
  }
  const controller = await serveController(installation, switches)
  const node = await serveNode(installation, 'm1/ldg1', switches)
  plugins = [controller, node]

  const { results, problems } = await runSanity({
    setting,
    variant: { access: setting.access, design: 'local', secrets: 'without' },
    sockets: { controller: controller.server.endpoint, node: node.server.endpoint },
    paths,
    directory: join(directory, `${setting.suite}-${setting.access}`),
  })

  expect(problems).toEqual([])
  expect(results?.passed.length).toBeGreaterThan(50)
  const { pools } = await installation.driver()
  expect(await audit(pools)).toEqual([])
  expect(await new RawZfs(installation.machine, installation.dataset).names()).toEqual([])
})
