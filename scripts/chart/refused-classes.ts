// Classes that no volume could be made of, or that nobody could use.

import type { Refusal } from './refusal.ts'

const SILVER = 'storageClasses.silver'
const UFS = '"csi.storage.k8s.io/fstype":"ufs"'

const refusedParameters = (parameters: string, message: RegExp, what: string): Refusal => ({
  what,
  set: `${SILVER}.parameters={"pool":"silver",${parameters}}`,
  message,
})

/** One more pool, of two paths. */
const WITH_GOLD =
  'config.machines.m1.serviceDomains.alternate="m1-primary",config.pools.gold={"design":"lun",' +
  '"host":"m1-primary","dataset":"tank/gold","allowSharedFate":true,' +
  '"export":{"target":"iqn.a","targetGroup":"csi"},"paths":[' +
  '{"machine":"m1","serviceDomain":"primary","vds":"v","hostGroup":"m1"},' +
  '{"machine":"m1","serviceDomain":"alternate","vds":"v","hostGroup":"m1"}]}'

const topology = (key: string, machine: string) =>
  `${SILVER}.allowedTopologies=[{"matchLabelExpressions":[{"key":"${key}","values":["${machine}"]}]}]`

export const REFUSED_CLASSES: readonly Refusal[] = [
  {
    what: 'a class of a pool that does not exist',
    set: `${SILVER}.parameters={"pool":"bronze"}`,
    message: /storageClasses\.silver names pool bronze, which config\.pools does not have/,
  },
  refusedParameters('"blockSize":"9K"', /parameters\/blockSize'/, 'no power of two'),
  refusedParameters('"blockSize":"256K"', /parameters\/blockSize'/, 'a block that is too large'),
  refusedParameters(
    '"vdiskTimeoutSeconds":"2147483648"',
    /silver has vdiskTimeoutSeconds 2147483648: the most is 2147483647/,
    'a time-out that is too long',
  ),
  {
    what: 'a time-out where there are two paths',
    set: `${WITH_GOLD},storageClasses.gold.parameters={"pool":"gold","vdiskTimeoutSeconds":"60"}`,
    message: /storageClasses\.gold has vdiskTimeoutSeconds, and pool gold has several paths to m1/,
  },
  {
    what: 'a slice of a logical unit',
    set: `${WITH_GOLD},storageClasses.gold.parameters={"pool":"gold","export":"slice"}`,
    message: /storageClasses\.gold has export slice, and pool gold of design lun exports whole/,
  },
  refusedParameters(
    UFS,
    /storageClasses\.silver has fstype ufs, and guestDisks has no guest with Solaris/,
    'a file system of Solaris where all guests have Linux',
  ),
  {
    what: 'the same for classes that name none',
    set: 'sidecars.provisioner.defaultFsType="ufs"',
    message:
      /sidecars\.provisioner\.defaultFsType is ufs, and guestDisks has no guest with Solaris/,
  },
  {
    what: 'a file system of Solaris in a class that waits for a pod',
    set:
      'config.guests=[{"machine":"m1","match":"ldg1","platform":"linux"},' +
      '{"machine":"m1","match":"*","platform":"solaris"}],guestDisks={"enabled":true,"config":' +
      '{"guests":[{"machine":"m1","guest":"ldg2","platform":"solaris"}]}},' +
      `${SILVER}.parameters={"pool":"silver",${UFS}}`,
    message: /silver has fstype ufs and waits for a pod, which a Solaris guest does not have/,
  },
  {
    what: 'a topology of another driver',
    set: topology('topology.kubernetes.io/zone', 'm1'),
    message: /key topology\.kubernetes\.io\/zone; volumes are told apart by vdisk\.ldom-csi\.io\/m/,
  },
  {
    what: 'a topology with a machine that does not reach the pool',
    set: topology('vdisk.ldom-csi.io/machine', 'm9'),
    message: /storageClasses\.silver allows machine m9, which no path of pool silver serves/,
  },
  {
    what: 'an option of mount that is two',
    set: `${SILVER}.mountOptions=["noatime,ro"]`,
    message: /at '\/storageClasses\/silver\/mountOptions\/0'/,
  },
  ...['storageClasses', 'volumeSnapshotClasses', 'volumeGroupSnapshotClasses'].map(value => ({
    what: `two defaults among ${value}`,
    set: `${value}.a={"default":true},${value}.b={"default":true}`,
    message: new RegExp(`${value} has several defaults: a, b`),
  })),
]
