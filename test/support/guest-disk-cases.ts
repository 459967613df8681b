// GuestDisks as users write them, with the verdict. The definition in the cluster and `apply` must
// agree on each of them.

export interface DiskCase {
  readonly title: string
  readonly spec: Readonly<Record<string, unknown>>
  /** Words of the API server that tell the mistake; none where the object is accepted. */
  readonly refused?: string
}

const BASE = { claimName: 'orders', guest: 'm1/ldg1' }
const MOUNTED = { ...BASE, mountPath: '/export/orders' }
const RAW = { ...BASE, devicePath: '/dev/orders' }
const long = (count: number) => 'a'.repeat(count)

export const DISK_CASES: readonly DiskCase[] = [
  { title: 'a mount path', spec: MOUNTED },
  { title: 'a device path', spec: RAW },
  { title: 'a boot disk', spec: { ...BASE, vdiskNumber: 0 } },
  { title: 'a mount path and a number', spec: { ...MOUNTED, vdiskNumber: 700 } },
  { title: 'read-only, with options', spec: { ...MOUNTED, readOnly: true, mountOptions: ['ro'] } },
  {
    title: 'an option with a label of SELinux',
    spec: { ...MOUNTED, mountOptions: ['context="system_u:object_r:t:s0:c1,c2"', 'noatime'] },
  },
  { title: 'a device path and no options', spec: { ...RAW, mountOptions: [] } },
  { title: 'names of many characters', spec: { ...MOUNTED, guest: 'm-1.a/web_1+x#2' } },
  { title: 'a path of other letters', spec: { ...MOUNTED, mountPath: '/srv/Größe.d/..data' } },
  { title: 'a path below /var', spec: { ...MOUNTED, mountPath: '/var/lib/orders' } },
  {
    title: 'no claim',
    spec: { guest: 'm1/ldg1', mountPath: '/srv/a' },
    refused: 'spec.claimName: Required value',
  },
  {
    title: 'no guest',
    spec: { claimName: 'orders', mountPath: '/srv/a' },
    refused: 'spec.guest: Required value',
  },
  {
    title: 'a claim of another namespace',
    spec: { ...MOUNTED, claimName: 'shop/orders' },
    refused: 'is not the name of a claim',
  },
  {
    title: 'a guest without its machine',
    spec: { ...MOUNTED, guest: 'ldg1' },
    refused: 'is not <machine>/<guest>',
  },
  {
    title: 'a guest with three parts',
    spec: { ...MOUNTED, guest: 'm1/ldg1/x' },
    refused: 'is not <machine>/<guest>',
  },
  {
    title: 'a guest with white space',
    spec: { ...MOUNTED, guest: 'm1/ldg 1' },
    refused: 'is not <machine>/<guest>',
  },
  {
    title: 'a guest that would break a listing',
    spec: { ...MOUNTED, guest: 'm1/ldg|1' },
    refused: 'is not <machine>/<guest>',
  },
  {
    title: 'two paths',
    spec: { ...MOUNTED, devicePath: '/dev/orders' },
    refused: 'has both mountPath and devicePath',
  },
  { title: 'no path', spec: BASE, refused: 'has neither mountPath nor devicePath' },
  {
    title: 'a relative path',
    spec: { ...MOUNTED, mountPath: 'export/orders' },
    refused: 'is not an absolute path',
  },
  {
    title: 'the root',
    spec: { ...MOUNTED, mountPath: '/' },
    refused: 'is not an absolute path',
  },
  {
    title: 'a slash at the end',
    spec: { ...MOUNTED, mountPath: '/export/' },
    refused: 'no needless slash',
  },
  {
    title: 'two slashes',
    spec: { ...RAW, devicePath: '/dev//orders' },
    refused: 'no needless slash',
  },
  {
    title: 'a path that climbs',
    spec: { ...MOUNTED, mountPath: '/export/../etc' },
    refused: 'may have no "." and no ".."',
  },
  {
    title: 'a path with a dot',
    spec: { ...RAW, devicePath: '/dev/./orders' },
    refused: 'may have no "." and no ".."',
  },
  {
    title: 'white space in a path',
    spec: { ...MOUNTED, mountPath: '/srv/a b' },
    refused: 'no white space',
  },
  {
    title: 'a space that is not ASCII',
    spec: { ...MOUNTED, mountPath: '/srv/a\u2003b' },
    refused: 'no white space',
  },
  {
    title: 'a control character',
    spec: { ...MOUNTED, mountPath: '/srv/a\u0007b' },
    refused: 'is not an absolute path',
  },
  {
    title: 'a name that is too long',
    spec: { ...MOUNTED, mountPath: `/srv/${long(256)}` },
    refused: 'more than 255 characters',
  },
  {
    title: 'a path that is too long',
    spec: { ...MOUNTED, mountPath: `/${long(200)}`.repeat(21) },
    refused: 'may not be more than 4095',
  },
  {
    title: "a path below one of the guest's system",
    spec: { ...MOUNTED, mountPath: '/var/spool/cron' },
    refused: "belongs to the guest's system",
  },
  {
    title: 'a directory of the system',
    spec: { ...MOUNTED, mountPath: '/usr' },
    refused: "belongs to the guest's system",
  },
  {
    title: 'a path in a directory of the system',
    spec: { ...MOUNTED, mountPath: '/etc/orders' },
    refused: "belongs to the guest's system",
  },
  {
    title: 'a directory that the guest boots from',
    spec: { ...MOUNTED, mountPath: '/lib64' },
    refused: "belongs to the guest's system",
  },
  {
    title: 'the notes of the driver',
    spec: { ...MOUNTED, mountPath: '/var/lib/ldom-csi/staging/x' },
    refused: "belongs to the guest's system",
  },
  {
    title: 'a number that no guest has',
    spec: { ...BASE, vdiskNumber: 701 },
    refused: 'less than or equal to 700',
  },
  {
    title: 'a negative number',
    spec: { ...BASE, vdiskNumber: -1 },
    refused: 'greater than or equal to 0',
  },
  {
    title: 'half a number',
    spec: { ...BASE, vdiskNumber: 1.5 },
    refused: 'must be of type integer',
  },
  {
    title: 'a number in quotes',
    spec: { ...BASE, vdiskNumber: '1' },
    refused: 'must be of type integer',
  },
  { title: 'a word for a switch', spec: { ...MOUNTED, readOnly: 'yes' }, refused: 'type boolean' },
  {
    title: 'options of a device',
    spec: { ...RAW, mountOptions: ['noatime'] },
    refused: 'a device has no mount options',
  },
  {
    title: 'two options in one word',
    spec: { ...MOUNTED, mountOptions: ['noatime,nodev'] },
    refused: 'is not one mount option',
  },
  {
    title: 'an option that looks like one of a command',
    spec: { ...MOUNTED, mountOptions: ['-o'] },
    refused: 'is not one mount option',
  },
  {
    title: 'an option that mounts something else',
    spec: { ...MOUNTED, mountOptions: ['bind'] },
    refused: 'is not allowed for a volume',
  },
  {
    title: 'an option that writes where one must not',
    spec: { ...MOUNTED, mountOptions: ['rw=1'] },
    refused: 'is not allowed for a volume',
  },
  {
    title: 'a field that is not known',
    spec: { ...MOUNTED, path: '/export/orders' },
    refused: 'unknown field "spec.path"',
  },
]

export const guestDisk = (name: string, spec: DiskCase['spec']) => ({
  apiVersion: 'ldom-csi.io/v1alpha1',
  kind: 'GuestDisk',
  metadata: { name },
  spec,
})

/** Whatever of a spec changes, the object is refused. */
export const CHANGES: readonly {
  readonly from: DiskCase['spec']
  readonly to: DiskCase['spec']
}[] = [
  { from: MOUNTED, to: { ...MOUNTED, claimName: 'other' } },
  { from: MOUNTED, to: { ...MOUNTED, guest: 'm2/ldg1' } },
  { from: MOUNTED, to: { ...MOUNTED, mountPath: '/export/other' } },
  { from: MOUNTED, to: RAW },
  { from: RAW, to: { ...RAW, devicePath: '/dev/other' } },
  { from: MOUNTED, to: { ...MOUNTED, readOnly: true } },
  { from: MOUNTED, to: { ...MOUNTED, vdiskNumber: 7 } },
  { from: { ...MOUNTED, vdiskNumber: 7 }, to: MOUNTED },
  { from: MOUNTED, to: { ...MOUNTED, mountOptions: ['noatime'] } },
]
