// What is recorded of stmfadm and iscsiadm: printed by the simulator byte for byte, and read by the
// product. Little is recorded, so the failure table is known from sources only, and says so.

import { readdirSync, readFileSync } from 'node:fs'
import { SimComstar } from '../../sim/comstar/sim-comstar.ts'
import { SimInitiator } from '../../sim/comstar/sim-initiator.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import { MemoryStore } from '../../sim/store.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { STMFADM_FAILURES } from '../../src/comstar/failures.ts'
import { parseLogicalUnits, parseViews } from '../../src/comstar/listing.ts'
import { parseTarget } from '../../src/iscsi/iscsiadm.ts'

const DIRECTORY = new URL('../transcripts/', import.meta.url)
const SAYS_AUTO = 'comstar-list-view.solaris-11.txt'

/** Without the lines that say where it comes from. */
function transcript(name: string): string {
  const text = readFileSync(new URL(name, DIRECTORY), 'utf8')
  return text.slice(text.indexOf('\n\n') + 2)
}

function world(target: string) {
  const storage = new SimHost('storage', new Timeline())
  const options = { createStore: (size: number) => new MemoryStore(size), nowMs: () => 0 }
  const zfs = new SimZfs(storage, {
    ...options,
    pools: [{ name: 'pool1', sizeBytes: 2 ** 40, dialect: 'illumos', datasets: [] }],
  })
  const comstar = new SimComstar(storage, {
    zfs,
    target,
    targetGroup: 'csi-tg',
    hostGroups: { 'csi-m1': ['iqn.sd1'] },
    nowMs: () => 0,
  })
  const domain = new SimHost('sd1', storage.timeline)
  const initiator = new SimInitiator(domain, { iqn: 'iqn.sd1', controller: 0, targets: [comstar] })
  const run = async (host: SimHost, line: string) => {
    const outcome = await host.perform(line.split(' '), '')
    if (outcome.kind !== 'exit' || outcome.answer.exitStatus !== 0) {
      throw new Error(`${line}: ${JSON.stringify(outcome)}`)
    }
    return outcome.answer.stdout
  }
  const offer = async (volume: string, guid: string, lun: number) => {
    await run(storage, `zfs create -V 6442450944 -o compression=off pool1/${volume}`)
    await run(
      storage,
      `stmfadm create-lu -p guid=${guid} -p wcd=true /dev/zvol/rdsk/pool1/${volume}`,
    )
    await run(storage, `stmfadm add-view -h csi-m1 -t csi-tg -n ${lun} ${guid}`)
  }
  return { storage, domain, initiator, run, offer }
}

const SIMULATED: Record<string, () => Promise<string>> = {
  'comstar-list-lu.illumos.txt': async () => {
    const { storage, run, offer } = world('iqn.t')
    await offer('vm-109-disk-1', '600144F721DCA2888BA402E411EE3AF1', 7)
    return run(storage, 'stmfadm list-lu -v 600144f721dca2888ba402e411ee3af1')
  },
  'comstar-list-view.illumos.txt': async () => {
    const { storage, run, offer } = world('iqn.t')
    await offer('v', '600144F721DCA2888BA402E411EE3AF1', 7)
    return run(storage, 'stmfadm list-view -l 600144F721DCA2888BA402E411EE3AF1')
  },
  'comstar-list-target.initiator.txt': async () => {
    const { domain, run, offer } = world('iqn.2010-10.org.openstack:hostname1-tgt-grp-target')
    await offer('v', '600144F0FDFAD05D0000563C04030003', 1)
    await run(domain, 'devfsadm -i iscsi')
    return run(domain, 'iscsiadm list target -S iqn.2010-10.org.openstack:hostname1-tgt-grp-target')
  },
}

test(
  'every transcript of the target and the initiator is simulated, but for the one of a view ' +
    'without number',
  () => {
    const files = readdirSync(DIRECTORY).filter(name => name.startsWith('comstar-'))
    expect([...Object.keys(SIMULATED), SAYS_AUTO].sort()).toEqual(files.sort())
  },
)

test.each(Object.keys(SIMULATED))('%s is what the simulator prints', async name => {
  expect(await SIMULATED[name]?.()).toBe(transcript(name))
})

test('the recorded logical unit is read', () => {
  expect(parseLogicalUnits(transcript('comstar-list-lu.illumos.txt'))).toEqual([
    {
      guid: '600144F721DCA2888BA402E411EE3AF1',
      status: 'Online',
      dataFile: '/dev/zvol/rdsk/pool1/vm-109-disk-1',
      alias: '/dev/zvol/rdsk/pool1/vm-109-disk-1',
      sizeBytes: 6442450944,
      writeCacheEnabled: false,
      viewCount: 1,
      registered: true,
    },
  ])
})

test.each([
  ['comstar-list-view.illumos.txt', 7],
  [SAYS_AUTO, 'auto'],
])('%s is read', (name, lun) => {
  expect(parseViews(transcript(name))).toEqual([
    { entry: 0, hostGroup: 'csi-m1', targetGroup: 'csi-tg', lun },
  ])
})

test('the recorded target is read', () => {
  const target = 'iqn.2010-10.org.openstack:hostname1-tgt-grp-target'
  expect(parseTarget(transcript('comstar-list-target.initiator.txt'), target)).toEqual({
    connections: 1,
    luns: [{ lun: 1, device: '/dev/rdsk/c0t600144F0FDFAD05D0000563C04030003d0s2' }],
  })
})

test('no row of the failure table claims to be recorded', () => {
  const count = (evidence: string) =>
    STMFADM_FAILURES.filter(row => row.evidence === evidence).length
  process.stdout.write(
    `stmfadm failures: ${count('recorded')} recorded, ${count('documented')} documented, ` +
      `${count('recalled')} recalled\n`,
  )
  expect(count('recorded')).toBe(0)
})
