// Days that only guests of Xen have: paused, on their way through a reboot, crashed, off and
// therefore not listed; a hot-plug script that hangs, a device that dom0 has mounted.

import type { RebootStep } from '../../../sim/xen/model.ts'
import type { SimXen } from '../../../sim/xen/sim-xen.ts'
import { lieAboutDevices, noLies } from './lies.ts'
import { attached, type BadDay, created, type Day, testBadDays } from './scene.ts'

type Trouble = Pick<BadDay, 'trouble' | 'over' | 'kind' | 'says'>

const xen = (day: Day) => day.world.xen('x1')
const web = (day: Day) => xen(day).domain('web') ?? fail()

function fail(): never {
  throw new Error('web does not run on this day')
}

const paused: Trouble = {
  trouble: day => xen(day).pause(web(day)),
  kind: 'unavailable',
  says: ['x1/web', 'paused', 'xl unpause'],
  over: day => xen(day).unpause(web(day)),
}

const reboots = new WeakMap<Day, ReturnType<SimXen['reboot']>>()

function rebooting(step: RebootStep, ...says: readonly string[]): Trouble {
  return {
    trouble: day => {
      const reboot = xen(day).reboot('web')
      reboots.set(day, reboot)
      while (reboot.next().value !== step);
    },
    kind: 'unavailable',
    says: ['x1/web', 'in transition', ...says],
    over: day => {
      while (!reboots.get(day)?.next().done);
    },
  }
}

const calls = [
  { name: 'attaching', before: created, act: (day: Day) => day.attach() },
  { name: 'attaching again', before: attached, act: (day: Day) => day.attach() },
  { name: 'detaching', before: attached, act: (day: Day) => day.detach() },
]

function days(name: string, trouble: Trouble): readonly BadDay[] {
  return calls.map(call => ({ ...call, ...trouble, name: `${name}: ${call.name}`, pool: 'xen' }))
}

testBadDays([
  ...days('a guest that is paused', paused),
  ...days('a guest that shuts down to reboot', rebooting('shut down', 'it reboots')),
  ...days('a guest that is being built again', rebooting('created', 'paused')),
  ...days('a guest that gets its disks again', rebooting('disks added', 'paused')),
  {
    name: 'a guest that is off: attaching',
    pool: 'xen',
    before: created,
    trouble: day => xen(day).destroy('web'),
    act: day => day.attach(),
    kind: 'not-found',
    says: ['x1/web', 'does not exist', 'Xen lists only guests that run', 'xl create'],
    over: day => xen(day).create('web'),
  },
  {
    name: 'a hot-plug script of dom0 that hangs',
    pool: 'xen',
    before: created,
    trouble: day => {
      xen(day).scriptHangs = true
    },
    act: day => day.attach(),
    kind: 'unavailable',
    says: ['disk xvd', 'the hot-plug script of dom0 hung'],
    leaves: ['record', 'disk'],
    over: day => {
      xen(day).scriptHangs = false
    },
  },
  {
    name: 'a guest that takes no disk',
    pool: 'xen',
    before: created,
    trouble: day => {
      web(day).wedged = true
    },
    act: day => day.attach(),
    kind: 'unavailable',
    says: ['x1/web', 'disk xvd', 'still boots or hangs'],
    leaves: ['record', 'disk'],
    over: day => {
      xen(day).destroy('web')
      xen(day).create('web')
    },
  },
  {
    name: 'a device that is mounted in dom0',
    pool: 'xen',
    before: created,
    trouble: day => xen(day).mountedInControl.add(`/dev/zvol/${day.place.dataset}`),
    act: day => day.attach(),
    kind: 'in-use',
    says: ['privileged domain', 'unmount it in dom0'],
    leaves: ['record', 'disk'],
    over: day => xen(day).mountedInControl.clear(),
  },
  {
    name: 'a volume without its device in dom0',
    pool: 'xen',
    before: created,
    trouble: day => lieAboutDevices(day, 'dom0', () => undefined),
    act: day => day.attach(),
    kind: 'unavailable',
    says: ['xen/v-', 'Domain-0', '/dev/zvol/tank/csi/v-', 'device template'],
    leaves: ['record'],
    over: noLies,
  },
])
