// The domains of the Xen host of these tests: dom0, and guests that exist as configuration files of
// `xl`. Every domain has an address of its own beside dom0's.

export const GUESTS = ['web', 'db', 'pvh'] as const
export type GuestName = (typeof GUESTS)[number]
export type DomainName = 'dom0' | GuestName

export const DOMAINS: readonly DomainName[] = ['dom0', ...GUESTS]

export const ADDRESSES: Readonly<Record<DomainName, string>> = {
  dom0: '10.0.2.15',
  web: '10.0.2.21',
  db: '10.0.2.22',
  pvh: '10.0.2.23',
}

// A disk takes more than four of them for pages that it shares with dom0, and one guest has twenty.
export const GUEST_MIB = 320

/** The configuration file of a guest, without disks. */
export function guestConfiguration(name: GuestName): string {
  const address = ADDRESSES[name]
  const words = 'console=hvc0 quiet panic=-1 mitigations=off random.trust_cpu=on'
  const card = `mac=00:16:3e:00:00:${address.slice(-2)},bridge=xenbr0`
  return [
    `name = "${name}"`,
    // QEMU 7.2 does not say how long an instruction is, so that Xen cannot emulate RDTSC.
    ...(name === 'pvh' ? ['type = "pvh"', 'tsc_mode = "native"'] : ['type = "pv"']),
    'kernel = "/guest/vmlinuz"',
    'ramdisk = "/run/guest-initrd"',
    `extra = "${words} guest.name=${name} guest.address=${address}"`,
    `memory = ${GUEST_MIB}`,
    'vcpus = 1',
    `vif = [ "${card}" ]`,
    'disk = [ ]',
    'on_crash = "destroy"',
    '',
  ].join('\n')
}
