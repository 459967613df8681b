import { type Decision, decide } from '../../../src/guest-disks/decision.ts'
import type { Attachment, Mount, SeenDisk, Situation } from '../../../src/guest-disks/situation.ts'

const WHOLE: SeenDisk = {
  kind: 'seen',
  guest: 'running',
  guestReason: '',
  isAttached: true,
  vdisk: 100,
  missing: '',
  paths: [],
}
const MOUNTED: Extract<Mount, { kind: 'seen' }> = {
  kind: 'seen',
  device: '/dev/dsk/c1d100s0',
  isStaged: true,
  paths: ['/data'],
  failure: undefined,
}

function situation(changes: Partial<Situation> = {}): Situation {
  return {
    wanted: { volumeId: 'gold/v-1', guest: 'm1/ldg1', path: '/data' },
    attachment: WHOLE,
    mount: MOUNTED,
    isResizePending: false,
    ...changes,
  }
}

const BOOT = { volumeId: 'gold/v-1', guest: 'm1/ldg1', path: undefined }

const word = (decision: Decision) =>
  decision.kind === 'step'
    ? decision.step
    : decision.kind === 'wait'
      ? `${decision.condition}: ${decision.reason}`
      : decision.kind

const seen = (changes: Partial<SeenDisk>): Attachment => ({ ...WHOLE, ...changes })

test.each<[string, Situation, string]>([
  ['everything is there', situation(), 'whole'],
  ['there is no record', situation({ attachment: { kind: 'none' } }), 'attach'],
  [
    'the machine is silent, which is no absence',
    situation({ attachment: { kind: 'unknown', why: 'silent' } }),
    'Attached: NotObserved',
  ],
  [
    'a running guest lost its disk',
    situation({ attachment: seen({ isAttached: false }) }),
    'attach',
  ],
  [
    'a guest that is off lost its disk: nothing is done behind its back',
    situation({ attachment: seen({ isAttached: false, guest: 'off' }) }),
    'Attached: GuestOff',
  ],
  [
    'a boot disk is missing in a guest that is off, which cannot start without it',
    situation({ attachment: seen({ isAttached: false, guest: 'off' }), wanted: BOOT }),
    'attach',
  ],
  ['a boot disk is attached: nothing is mounted', situation({ wanted: BOOT }), 'whole'],
  ['it is not mounted', situation({ mount: { kind: 'none' } }), 'mount'],
  [
    'the guest is silent, which is no absence',
    situation({ mount: { kind: 'unknown', why: 'silent' } }),
    'Mounted: GuestSilent',
  ],
  ['the guest has booted anew', situation({ mount: { ...MOUNTED, isStaged: false } }), 'mount'],
  ['the path is empty', situation({ mount: { ...MOUNTED, paths: [] } }), 'mount'],
  ['it is at another path only', situation({ mount: { ...MOUNTED, paths: ['/old'] } }), 'mount'],
  [
    'its file system has failed: a person decides',
    situation({ mount: { ...MOUNTED, failure: 'was shut down' } }),
    'Mounted: FileSystemFailed',
  ],
  ['the guest is off', situation({ attachment: seen({ guest: 'off' }) }), 'Mounted: GuestOff'],
  ['the guest boots', situation({ attachment: seen({ guest: 'no-os' }) }), 'Mounted: GuestNotUp'],
  [
    'the guest migrates',
    situation({ attachment: seen({ guest: 'changing' }) }),
    'Mounted: GuestChanging',
  ],
  [
    'the listing of the guest is unclear: the guest itself is asked',
    situation({ attachment: seen({ guest: 'unclear' }), mount: { kind: 'none' } }),
    'mount',
  ],
  ['the volume has grown', situation({ isResizePending: true }), 'grow'],
  ['a path has no export', situation({ attachment: seen({ missing: 'no export' }) }), 'attach'],
  [
    'a path has no export, and the disk is not mounted: the mount comes first',
    situation({ attachment: seen({ missing: 'no export' }), mount: { kind: 'none' } }),
    'mount',
  ],
])('%s', (_, given, wanted) => {
  expect(word(decide(given))).toBe(wanted)
})

test('what has failed is said once', () => {
  const failure = 'the file system at /data was shut down'
  const decision = decide(situation({ mount: { ...MOUNTED, failure } }))
  expect(decision.kind === 'wait' && decision.message).toMatch(
    /^the file system at \/data was shut down; stop/,
  )
})

test('what was lost is named, and a new disk has lost nothing', () => {
  const lost = (given: Situation) => {
    const decision = decide(given)
    return decision.kind === 'step' && decision.lost
  }

  expect(lost(situation({ attachment: { kind: 'none' } }))).toBeUndefined()
  expect(lost(situation({ mount: { kind: 'none' } }))).toBeUndefined()
  expect(lost(situation({ attachment: seen({ isAttached: false }) }))).toMatch(/did not show/)
  expect(lost(situation({ mount: { ...MOUNTED, paths: [] } }))).toMatch(/nothing .* was at \/data/)
})
