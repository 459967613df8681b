// Words of xl, libxl and the hot-plug script of Xen 4.17, recorded in test/transcripts/xen unless a
// comment says otherwise. Numbers of source lines are those of that version.

import type { SimAnswer } from '../host.ts'

const error = (file: string, line: number, text: string) =>
  `libxl: error: ${file}:${line}:${text}\n`

const ADD_FAILED = 'libxl_device_disk_add failed.\n'
const NOT_ADDED = error('libxl_device.c', 1486, 'device_addrm_aocomplete: unable to add device')

export const ok = (stdout = ''): SimAnswer => ({ exitStatus: 0, stdout, stderr: '' })
export const failed = (stderr: string, stdout = ''): SimAnswer => ({
  exitStatus: 1,
  stdout,
  stderr,
})

export const TEXTS = {
  domainsHeader: 'Name                                        ID   Mem VCPUs\tState\tTime(s)\n',
  disksHeader: 'Vdev  BE  handle state evt-ch ring-ref BE-path                       \n',
  noDomainToList: (name: string) => `${name} is an invalid domain identifier\n`,
  noDomainToAttach: (name: string) => `${name} is an invalid domain identifier\n`,
  noDomainToDetach: (name: string) => `${name} is an invalid domain identifier (rc=-6)\n`,
  noDomainId: (name: string) =>
    `Can't get domid of domain name '${name}', maybe this domain does not exist.\n`,
  noDomainType: (id: number) =>
    error('libxl_dom.c', 37, `libxl__domain_type: unable to get domain type for domid=${id}`) +
    NOT_ADDED +
    ADD_FAILED,
  noTarget: (vdev: string, target: string) =>
    error(
      'libxl_device.c',
      455,
      `libxl__device_disk_set_backend: Disk vdev=${vdev} failed to stat: ${target}: ` +
        'No such file or directory',
    ) +
    NOT_ADDED +
    ADD_FAILED,
  badVdev: (id: number, vdev: string) => {
    const text = `Domain ${id}:Invalid or unsupported virtual disk identifier ${vdev}`
    return (
      error('libxl_disk.c', 214, `libxl__device_from_disk: ${text}`) +
      error('libxl_disk.c', 335, `device_disk_add: ${text}`) +
      NOT_ADDED +
      ADD_FAILED
    )
  },
  exists: (id: number) =>
    error('libxl_disk.c', 343, `device_disk_add: Domain ${id}:device already exists in xenstore`) +
    NOT_ADDED +
    ADD_FAILED,
  noDeviceModel: (id: number) =>
    error(
      'libxl_dm.c',
      3845,
      `libxl__dm_check_start: Domain ${id}:device model required but not running`,
    ) +
    NOT_ADDED +
    ADD_FAILED,
  scriptRefused: (vbd: { id: number; number: number; process: number; reason: string }) =>
    error(
      'libxl_exec.c',
      117,
      `libxl_report_child_exitstatus: /etc/xen/scripts/block add [${vbd.process}] exited with ` +
        'error status 1',
    ) +
    error('libxl_device.c', 1337, `device_hotplug_child_death_cb: script: ${vbd.reason}`) +
    error(
      'libxl_device.c',
      1481,
      `device_addrm_aocomplete: Domain ${vbd.id}:Unable to add vbd with id ${vbd.number}`,
    ) +
    ADD_FAILED,
  scriptHung: (id: number, number: number) =>
    error(
      'libxl_aoutils.c',
      539,
      'async_exec_timeout: killing execution of /etc/xen/scripts/block add because of timeout',
    ) +
    error(
      'libxl_device.c',
      1481,
      `device_addrm_aocomplete: Domain ${id}:Unable to add vbd with id ${number}`,
    ) +
    ADD_FAILED,
  notConnected: (text: string) => `Error: Device ${text} not connected.\n`,
  notInStore: (id: number, number: number) =>
    error(
      'libxl_disk.c',
      516,
      `libxl__disk_from_xenstore: disk /libxl/${id}/device/vbd/${number} does not exist ` +
        '(no backend path',
    ),
  keptByGuest: (id: number, number: number, path: string) =>
    error(
      'libxl_device.c',
      1181,
      `device_backend_callback: Domain ${id}:unable to remove device with path ${path}`,
    ) +
    error(
      'libxl_device.c',
      1481,
      `device_addrm_aocomplete: Domain ${id}:Unable to remove vbd with id ${number}`,
    ) +
    'libxl_device_disk_safe_remove failed.\n',
  /** With status 0. */
  notPaused: (id: number) =>
    error(
      'libxl_domain.c',
      688,
      `domain_unpause_done: Domain ${id}:Unpausing domain: Invalid argument`,
    ),
  /** The three sentences of the script; each is two lines. */
  inGuest: (path: string) =>
    `Device ${path} is mounted in a guest domain,\nand so cannot be mounted now.`,
  writtenInGuest: (path: string) =>
    `Device ${path} is mounted read-write in a guest domain,\n` +
    'and so cannot be mounted read-only now.',
  inControlDomain: (path: string) =>
    `Device ${path} is mounted in the privileged domain,\nand so cannot be mounted by a guest.`,
  noDirectory: (path: string) => `xenstore-ls: xs_directory (${path}): No such file or directory\n`,
  wrongValue: (key: string, value: string, spec: string) =>
    'command line: config parsing error in disk specification: unknown value for ' +
    `${key}: near \`${value}' in \`${spec}'\n`,
  noVdev: (spec: string) =>
    `command line: config parsing error in disk specification: no vdev specified in \`${spec}'\n`,
}

const USAGES = {
  'block-attach':
    'Usage: xl [-vtTfN] block-attach <Domain> <disk-spec-component(s)>...\n\n' +
    'Create a new virtual block device.\n\n',
  'block-list':
    'Usage: xl [-vtT] block-list <Domain(s)>\n\nList virtual block devices for a domain.\n\n',
  'block-detach':
    'Usage: xl [-vtTf] block-detach [option] <Domain> <DevId>\n\n' +
    "Destroy a domain's virtual block device.\n\nOptions:\n\n" +
    '-f, --force        do not wait for the domain to release the device\n',
}

export function tooFew(command: keyof typeof USAGES, count: number): SimAnswer {
  const words = `${count} argument${count === 1 ? '' : 's'}`
  return {
    exitStatus: 2,
    stdout: USAGES[command],
    stderr: `'xl ${command}' requires at least ${words}.\n\n`,
  }
}
