import type { ApiServer } from '../../src/kubernetes/api-server.ts'
import { readKubelets } from '../../src/kubernetes/kubelets.ts'

const DRIVER = 'vdisk.ldom-csi.io'

function apiWith(...items: readonly object[]): Pick<ApiServer, 'send'> {
  const body = { metadata: { resourceVersion: '1' }, items }
  return { send: async () => ({ status: 200, body }) }
}

const node = (drivers: unknown) => ({ metadata: { name: 'node-1' }, spec: { drivers } })
const registered = (name: string, nodeID: string) => ({ name, nodeID, topologyKeys: [] })

test('the guests of nodes that the driver serves, and of no others', async () => {
  const api = apiWith(
    node([registered('other.example', 'm1/ldg9'), registered(DRIVER, 'm1/ldg1')]),
    node([registered(DRIVER, 'm2/ldg1')]),
  )

  expect(await readKubelets(api, DRIVER)).toEqual(new Set(['m1/ldg1', 'm2/ldg1']))
})

test.each([null, undefined, []])('a node without any driver hides no other: %j', async drivers => {
  const api = apiWith(node(drivers), node([registered(DRIVER, 'm1/ldg1')]))

  expect(await readKubelets(api, DRIVER)).toEqual(new Set(['m1/ldg1']))
})
