// csi-sanity, whole, against the driver on a real Xen host: volumes of its real ZFS, in a real guest.
// What `npm run test:sanity` also varies has nothing to do with Xen.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTool } from '../../scripts/csi-tools.ts'
import { GuestPaths } from '../../scripts/sanity/guest-paths.ts'
import { runSanity } from '../../scripts/sanity/run.ts'
import { controllerServices } from '../../src/bin/compose/installation.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import { type Plugin, servePlugin } from '../protocol/plugin.ts'
import { XenInstallation } from './installation.ts'
import { hostWithGuests } from './shared.ts'

const SUITE = '5.6'
/** As small as possible, because the suite fills the guest up to this limit. */
const ATTACH_LIMIT = 3

/** The tests of a file. Each kind of volumes has a file of its own, and so may have a host. */
export function testSanity(access: 'mount' | 'block'): void {
  let directory = ''
  let installation: XenInstallation
  let paths: GuestPaths
  let plugins: readonly Plugin[] = []

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'csi-sanity-'))
    installation = await XenInstallation.start({
      host: await hostWithGuests('web'),
      dataset: `tank/sanity-${access}`,
      attachLimit: ATTACH_LIMIT,
    })
    paths = new GuestPaths(installation.guestShell('web'))
    await paths.start(join(directory, 'programs'))
    await buildTool(`csi-sanity-${SUITE}`)
  })

  afterAll(async () => {
    for (const plugin of plugins) await plugin.end()
    await paths?.stop()
    await installation?.end()
    rmSync(directory, { recursive: true })
  })

  test(`csi-sanity passes with ${access} volumes`, async () => {
    const driver = await installation.driver()
    const controller = await servePlugin(controllerServices(driver, '1.2.3'))
    const node = await servePlugin(installation.node('web').services)
    plugins = [controller, node]

    const { results, problems } = await runSanity({
      setting: { suite: SUITE, health: 'on', snapshotTopology: 'on' },
      variant: { access, design: 'local', secrets: 'without' },
      sockets: { controller: controller.server.endpoint, node: node.server.endpoint },
      paths,
      directory: join(directory, access),
    })

    expect(problems).toEqual([])
    expect(results?.passed.length).toBeGreaterThan(50)
    expect(await installation.vbds('web')).toEqual([])
    expect(await audit(driver.pools)).toEqual([])
    expect(await installation.datasets()).toEqual([])
  })
}
