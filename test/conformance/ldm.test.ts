// Every transcript of ldm is either printed by the simulator, byte for byte, and understood by the
// product, or left out with a reason. A new transcript that is in neither list fails.

import { readdirSync, readFileSync } from 'node:fs'
import { DeviceError, type SimDevice } from '../../sim/devices.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import { SimMachine, type SimMachineOptions } from '../../sim/ldom/sim-machine.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { StorageError } from '../../src/errors.ts'
import { LDM_FAILURES, LDM_NOTICES } from '../../src/hypervisors/ldoms/failures.ts'
import { Ldm } from '../../src/hypervisors/ldoms/ldm.ts'
import { parseListing } from '../../src/hypervisors/ldoms/listing.ts'
import { classify } from '../../src/shell/failures.ts'

const DIRECTORY = new URL('../transcripts/ldm/', import.meta.url)
const transcript = (name: string) => readFileSync(new URL(name, DIRECTORY), 'utf8')

const LEFT_OUT: Record<string, string> = {
  'README.md': 'says where the transcripts come from',
  'guest.ls-dev-dsk.full-disk.txt': 'printed inside a guest: the simulated guest answers for it',
  'guest.obp-boot-path.txt': 'printed by the firmware of a guest, which is not simulated',
  'help.ldoms-1.0.2.partial.txt': 'the first lines of a help text for people; nothing reads it',
  'list-l.primary.ldoms-1.2.partial.txt':
    'cut after the fourth block; processors, memory and buses are not simulated and not read',
  'xml.reg-domain-events.request.xml': 'the XML interface is not used',
  'xml.reg-domain-events.response.xml': 'the XML interface is not used',
  'xml.vds_volume.xml': 'the XML interface is not used',
}

type Options = Partial<Omit<SimMachineOptions, 'serviceDomains'>> & {
  readonly services?: readonly Omit<SimMachineOptions['serviceDomains'][number], 'host'>[]
}

/**
 * A machine whose service domains share one host; nothing here looks at devices unless it puts one
 * there.
 */
function world({
  services = [{ name: 'primary', vds: ['primary-vds0'] }],
  ...options
}: Options = {}) {
  const host = new SimHost('control', new Timeline())
  const sim = new SimMachine({
    name: 'm',
    controlHost: host,
    serviceDomains: services.map(service => ({ ...service, host })),
    guests: [],
    nowMs: () => 0,
    ...options,
  })
  const ldm = async (line: string) => {
    const outcome = await host.perform(['ldm', ...line.split(' ')], '')
    if (outcome.kind !== 'exit') throw new Error(outcome.kind)
    return outcome.answer
  }
  return { sim, host, ldm }
}

const RELEASE_1_2 = { managerVersion: '1.2', flagPositions: 5 } as const
const INACTIVE = {
  name: 'ldg1',
  platform: 'solaris',
  state: 'inactive',
  uuid: '6c908858-12ef-e520-9eb3-f1cd3dbc3a59',
} as const

/** What the simulator prints where each transcript was printed. */
const SIMULATED: Record<string, () => Promise<string>> = {
  'list-p.v1.11.txt': async () => {
    const looks = (console: string, vcpus: number, utilPercent: string, uptimeSeconds: number) =>
      ({ console, vcpus, memoryBytes: 47272862140, utilPercent, uptimeSeconds }) as const
    const { ldm } = world({
      services: [{ name: 'primary', vds: [], ...looks('UART', 5, '0.4', 4772570) }],
      guests: [
        { name: 'host1', platform: 'solaris', ...looks('5000', 1, '1.4', 173837) },
        { name: 'host2', platform: 'solaris', ...looks('5001', 16, '1.4', 1846649) },
        { name: 'host3', platform: 'solaris', ...looks('5002', 16, '1.2', 1847005) },
      ],
      settings: { percent: false },
    })
    return (await ldm('list -p')).stdout
  },
  'list-l-p.inactive.v1.6.txt': async () => {
    const { ldm } = world({ guests: [INACTIVE], settings: { formatVersion: '1.6' } })
    return (await ldm('ls -l -p ldg1')).stdout
  },
  'list-l.inactive.txt': async () => (await world({ guests: [INACTIVE] }).ldm('ls -l ldg1')).stdout,
  'list.short.ldoms-1.2.txt': async () => {
    const memoryBytes = 1024 ** 3
    const { ldm, sim } = world({
      services: [
        {
          name: 'primary',
          vds: [],
          console: '',
          vcpus: 4,
          memoryBytes,
          utilPercent: '0.5',
          uptimeSeconds: 335220,
        },
      ],
      guests: [
        {
          name: 'ldg1',
          platform: 'solaris',
          console: '5000',
          vcpus: 8,
          memoryBytes,
          utilPercent: '23',
          uptimeSeconds: 120,
        },
      ],
      settings: RELEASE_1_2,
    })
    sim.setGuest('primary', { os: false })
    sim.setGuest('ldg1', { os: false })
    return (await ldm('list')).stdout
  },
  'list-bindings.disk-section.txt': async () => {
    const { ldm } = world({ guests: [{ name: 'ldg1', platform: 'solaris', state: 'inactive' }] })
    await ldm('add-vdsdev /dev/dsk/c3t39d1s2 dsk_nevada@primary-vds0')
    await ldm('add-vdsdev /dev/dsk/c3t40d1s2 c3t40d1@primary-vds0')
    await ldm('add-vdisk rootdisk dsk_nevada@primary-vds0 ldg1')
    await ldm('add-vdisk pdisk c3t40d1@primary-vds0 ldg1')
    await ldm('bind ldg1')
    const { stdout } = await ldm('list-bindings ldg1')
    return stdout.slice(stdout.indexOf('DISK\n'))
  },
  'ldm-V.ldoms-1.2.txt': async () => (await world({ settings: RELEASE_1_2 }).ldm('-V')).stdout,
  'delayed-reconf.initiate.txt': async () => (await world().ldm('start-reconf primary')).stdout,
  'delayed-reconf.pending.txt': async () => {
    const { ldm, sim } = world()
    sim.setDelayedReconfiguration(true)
    return (await ldm('add-vdsdev /dev/dsk/c1t1d0s2 v@primary-vds0')).stdout
  },
  'configuration-mode.notice.txt': async () => {
    const { ldm } = world({ settings: { configurationMode: true } })
    return (await ldm('add-vds primary-vds1 primary')).stdout
  },
  'add-vds.name-too-long.warning.txt': async () =>
    (await world().ldm('add-vds primary-vds012345678901234567890 primary')).stderr,
  'add-spconfig.name-too-long.error.txt': async () =>
    (await world().ldm(`add-spconfig ${'c'.repeat(70)}`)).stderr,
  'ldc-exhausted.error.txt': async () => {
    // Ten disks and three channels of the guest itself; the control domain has 15 of its 24 in use.
    const { ldm } = world({
      guests: [{ name: 'ldg1', platform: 'solaris', state: 'inactive' }],
      settings: { ldcBudget: 24 },
    })
    for (let i = 0; i < 10; i++) {
      await ldm(`add-vdsdev /dev/dsk/c1t${i}d0s2 v${i}@primary-vds0`)
      await ldm(`add-vdisk v${i} v${i}@primary-vds0 ldg1`)
    }
    return (await ldm('bind ldg1')).stderr
  },
  // The manual prints its placeholders; they stand for themselves here.
  'add-vdsdev.exported-twice.warning.ldoms-1.1.txt': async () => {
    const { ldm } = world({
      services: [{ name: 'ldom', vds: ['vds0'] }],
      settings: { ...RELEASE_1_2, secondExport: 'warning' },
    })
    await ldm('add-vdsdev backend v1@vds0')
    return (await ldm('add-vdsdev backend v2@vds0')).stderr
  },
  'start-domain.success.txt': async () => {
    const { ldm } = world({ guests: [{ name: 'ldom01', platform: 'solaris', state: 'bound' }] })
    return (await ldm('start ldom01')).stdout
  },
  'vds.messages.excl-busy.txt': async () => {
    const { ldm, sim, host } = world({ guests: [{ name: 'ldg1', platform: 'solaris' }] })
    host.devices.push(() => new BusyDevice())
    await ldm('add-vdsdev options=excl /dev/dsk/c4t12d0s2 v@primary-vds0')
    await ldm('add-vdisk id=0 v v@primary-vds0 ldg1')
    return sim
      .serviceLog('primary')
      .map(line => `${line}\n`)
      .join('')
  },
}

class BusyDevice implements SimDevice {
  readonly sizeBytes = 1024 * 1024
  readonly file = undefined
  read(): Buffer {
    throw new DeviceError('EBUSY', 'held elsewhere')
  }
  write(): void {
    throw new DeviceError('EBUSY', 'held elsewhere')
  }
  open(): () => void {
    throw new DeviceError('EBUSY', 'held elsewhere')
  }
}

/** The tool of the product on a control domain that answers with a transcript. */
function product(answer: {
  readonly exitStatus?: number
  readonly stdout?: string
  readonly stderr?: string
}): Ldm {
  const host = new SimHost('control', new Timeline())
  host.programs.set('ldm', () => ({ exitStatus: 0, stdout: '', stderr: '', ...answer }))
  return new Ldm(new SimShell(host))
}

const kindOf = (work: Promise<unknown>) =>
  work.then(String, error => (error instanceof StorageError ? error.kind : error))
const addVds = (answer: Parameters<typeof product>[0]) =>
  kindOf(
    product(answer).addVdsDevice({
      name: 'v',
      vds: 's',
      device: '/dev/x',
      mode: 'rw',
      shape: 'full',
      mpgroup: undefined,
      alreadyExported: false,
    }),
  )
const failing = (stderr: string) =>
  classify({ exitStatus: 1, stdout: '', stderr, durationMs: 0 }, LDM_FAILURES)?.kind

/**
 * What the product makes of each transcript; "not read" where the driver never runs that command.
 */
const UNDERSTOOD: Record<string, (text: string) => unknown> = {
  'list-p.v1.11.txt': text =>
    parseListing(text).map(({ name, state, flags }) => `${name} ${state} ${flags.system}`),
  'list-l-p.inactive.v1.6.txt': text =>
    parseListing(text).map(({ name, state, flags }) => `${name} ${state} ${flags.system}`),
  'ldm-V.ldoms-1.2.txt': text => product({ stdout: text }).version(),
  'delayed-reconf.initiate.txt': text => addVds({ stdout: text }),
  'delayed-reconf.pending.txt': text => addVds({ stdout: text }),
  'configuration-mode.notice.txt': text => addVds({ stdout: text }),
  'add-vds.name-too-long.warning.txt': text => addVds({ stderr: text }),
  'add-vdsdev.exported-twice.warning.ldoms-1.1.txt': text => addVds({ stderr: text }),
  'add-spconfig.name-too-long.error.txt': failing,
  'ldc-exhausted.error.txt': failing,
  'list-l.inactive.txt': notRead,
  'list.short.ldoms-1.2.txt': notRead,
  'list-bindings.disk-section.txt': notRead,
  'start-domain.success.txt': notRead,
  'vds.messages.excl-busy.txt': notRead,
}

function notRead(): string {
  return 'not read'
}

const MEANINGS: Record<string, unknown> = {
  'list-p.v1.11.txt': [
    'primary active normal',
    'host1 active normal',
    'host2 active normal',
    'host3 active normal',
  ],
  'list-l-p.inactive.v1.6.txt': ['ldg1 inactive undefined'],
  'ldm-V.ldoms-1.2.txt': '1.2',
  'delayed-reconf.initiate.txt': 'unavailable',
  'delayed-reconf.pending.txt': 'unavailable',
  'configuration-mode.notice.txt': 'failed-precondition',
  'add-vds.name-too-long.warning.txt': 'undefined', // a success
  'add-vdsdev.exported-twice.warning.ldoms-1.1.txt': 'undefined',
  'add-spconfig.name-too-long.error.txt': 'invalid-argument',
  'ldc-exhausted.error.txt': 'no-space',
}

test.each(readdirSync(DIRECTORY))(
  'the transcript %s is printed by the simulator or left out with a reason',
  async name => {
    const simulated = SIMULATED[name]
    expect([simulated !== undefined, LEFT_OUT[name] !== undefined]).toEqual(
      LEFT_OUT[name] ? [false, true] : [true, false],
    )
    if (simulated) expect(await simulated()).toBe(transcript(name))
  },
)

test.each(Object.keys(SIMULATED))('the product understands %s', async name => {
  expect(await UNDERSTOOD[name]?.(transcript(name))).toEqual(MEANINGS[name] ?? 'not read')
})

test.each([...Object.keys(SIMULATED), ...Object.keys(LEFT_OUT)])(
  'the transcript %s exists',
  name => {
    expect(readdirSync(DIRECTORY)).toContain(name)
  },
)

test('every recorded row of the failure table fits its transcript', () => {
  const recorded = [...LDM_FAILURES, ...LDM_NOTICES].filter(
    ({ evidence }) => evidence === 'recorded',
  )
  for (const { text, source } of recorded) {
    const name = source.replace('transcripts/ldm/', '').replace('*', 'pending')
    expect(transcript(name)).toMatch(text)
  }
})
