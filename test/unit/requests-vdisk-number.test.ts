// The disk number that a caller asks for, in the volume context of ControllerPublishVolume.

import { parseControllerPublish } from '../../src/csi/controller-requests.ts'
import { VolumeCapabilityAccessModeMode as Mode } from '../../src/csi/wire/types.gen.ts'

function publish(volume_context: Readonly<Record<string, string>>) {
  return parseControllerPublish({
    volume_id: 'gold/v-aaaaaaaaaaaaaaaaaaaa',
    node_id: 'm1/ldg1',
    volume_capability: {
      block: {},
      mount: undefined,
      access_mode: { mode: Mode.SINGLE_NODE_WRITER },
    },
    readonly: false,
    secrets: {},
    volume_context,
  })
}

test.each([
  ['0', 0],
  ['17', 17],
  ['700', 700],
])('the number %s is asked for as it is', (vdiskNumber, slot) => {
  expect(publish({ vdiskNumber })).toMatchObject({ slot })
})

test('without the key no number is asked for', () => {
  expect(publish({ name: 'pvc-1' })).not.toHaveProperty('slot')
})

test.each(['', '-1', '701', '1000', '1.5', '0x10', ' 1', 'one'])(
  'the number %j is refused',
  vdiskNumber => {
    expect(() => publish({ vdiskNumber })).toThrow(
      expect.objectContaining({
        kind: 'invalid-argument',
        message: expect.stringContaining('is not a number from 0 to 700'),
      }),
    )
  },
)
