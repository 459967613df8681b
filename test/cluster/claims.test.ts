// A claim becomes a mounted volume of a pod, in the ways that every workload needs.

import { namespace, SLOW_MS } from './fixture.ts'
import { claim, pod } from './manifests.ts'

test(
  'a pod writes to its claim, and the next pod of that claim reads it',
  async () => {
    const kubectl = await namespace('claim')
    await kubectl.apply(claim('data'), pod('first', { claim: 'data' }))
    await kubectl.podReady('first')
    await kubectl.exec('first', 'sh', '-c', 'echo kept >/data/file')
    await kubectl.delete('pod', 'first')

    await kubectl.apply(pod('second', { claim: 'data' }))
    await kubectl.podReady('second')

    expect(await kubectl.exec('second', 'cat', '/data/file')).toBe('kept\n')
  },
  SLOW_MS,
)
