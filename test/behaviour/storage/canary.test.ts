import { install } from '../../support/installation.ts'

function pool(installation: ReturnType<typeof install>) {
  const { pools } = installation.driver()
  const gold = pools.get('gold')
  if (gold === undefined) throw new Error('no pool gold')
  return gold
}

test('every path of a pool reads what every other path wrote, again and again', async () => {
  const installation = install()
  const gold = pool(installation)
  for (const _ of [1, 2]) {
    const proofs = await gold.design.provePaths(gold)
    expect(proofs.map(proof => proof.proved)).toEqual([true, true, true, true])
  }
})

test('a pool of one path has nothing to prove', async () => {
  const installation = install()
  const silver = installation.driver().pools.get('silver')
  expect(await silver?.design.provePaths(silver)).toEqual([])
})

test('a path that leads to other bytes is found out', async () => {
  const installation = install()
  const gold = pool(installation)
  await gold.design.provePaths(gold)
  const host = installation.world.host('m2-alternate')
  const right = host.devices[0]
  host.devices[0] = path => {
    const device = right?.(path)
    return (
      device && {
        ...device,
        sizeBytes: device.sizeBytes,
        file: undefined,
        read: (_offset, length) => Buffer.alloc(length),
      }
    )
  }
  const proofs = await gold.design.provePaths(gold)
  expect(proofs.filter(proof => !proof.proved)).toEqual([
    expect.objectContaining({
      path: 'machine m2, service domain alternate',
      detail: expect.stringContaining('other bytes'),
    }),
  ])
})

test(
  'a service domain without the storage network fails alone, and the canary is in no list ' +
    'and no audit',
  async () => {
    const installation = install()
    const gold = pool(installation)
    installation.world.initiator('m1-alternate').connected = false
    const proofs = await gold.design.provePaths(gold)
    expect(proofs.filter(proof => !proof.proved).map(proof => proof.path)).toEqual([
      'machine m1, service domain alternate',
    ])
    const driver = installation.driver()
    expect(await driver.attachments.listPublished()).toEqual([])
    expect(await driver.audit()).toEqual([])
  },
)

describe('a volume that stands where the canary would', () => {
  async function byHand(installation: ReturnType<typeof install>, command: string) {
    const outcome = await installation.world.host('storage1').perform(command.split(' '), '')
    expect(outcome).toMatchObject({ kind: 'exit', answer: { exitStatus: 0 } })
  }

  test('and is somebody else’s is not written to', async () => {
    const installation = install()
    const gold = pool(installation)
    await byHand(installation, 'zfs create -s -V 16m tank/kubernetes/canary')
    const store = installation.world.zfs('storage1').store('tank/kubernetes/canary')
    store.write(0, Buffer.from('somebody’s data'))
    await expect(gold.design.provePaths(gold)).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(
        'tank/kubernetes/canary was not created by this driver: the driver does not write to it',
      ),
    })
    expect(installation.world.comstar('storage1').state.all()).toEqual([])
  })

  test('and was made by an earlier version, which left its unit only, is the canary', async () => {
    const installation = install()
    const gold = pool(installation)
    await gold.design.provePaths(gold)
    await byHand(installation, 'zfs inherit ldom-csi:cluster tank/kubernetes/canary')
    expect((await gold.design.provePaths(gold)).every(proof => proof.proved)).toBe(true)
  })
})
