// The steps for one disk where no plugin is called: a boot disk, and a guest without a node plugin.

import type { MountTools, StepDisk } from '../../src/steps/disk.ts'
import { growDisk, mountDisk, unmountDisk } from '../../src/steps/mount.ts'

const BOOT: StepDisk = {
  name: 'default/boot',
  volumeId: 'gold/v-a',
  volumeContext: {},
  guest: 'm1/ldg1',
  path: undefined,
  mode: 'block',
  access: 'one-guest',
  fileSystem: '',
  mountOptions: [],
  readOnly: false,
  vdiskNumber: 0,
}
const lines: string[] = []
const TOOLS: MountTools = {
  node: undefined,
  stagingDirectory: '/staging',
  run: (_title, call) => call({}),
  say: line => lines.push(line),
}

const STEPS = [
  { name: 'mountDisk', perform: (disk: StepDisk) => mountDisk(disk, async () => ({}), TOOLS) },
  { name: 'growDisk', perform: (disk: StepDisk) => growDisk(disk, 1024, TOOLS) },
  { name: 'unmountDisk', perform: (disk: StepDisk) => unmountDisk(disk, TOOLS) },
]

test.each(STEPS)('$name has nothing to do for a boot disk', async ({ perform }) => {
  await perform(BOOT)

  expect(lines).toEqual([])
})

test.each(STEPS)('$name of a guest without a node plugin is rejected', async ({ perform }) => {
  await expect(perform({ ...BOOT, path: '/dev/boot' })).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('guest m1/ldg1 has no node plugin'),
  })
})
