// Names in the values that lead nowhere, or that Kubernetes does not take.

import type { Refusal } from './refusal.ts'

const PATH = '{"machine":"m1","serviceDomain":"primary","vds":"v","device":"/dev/{volume}"}'

/** A path of the pool with another value of one key. */
const path = (key: string, value: string) =>
  `config.pools.silver.paths=[${JSON.stringify({ ...JSON.parse(PATH), [key]: value })}]`

export const REFUSED_NAMES: readonly Refusal[] = [
  {
    what: 'a control domain that is no host',
    set: 'config.machines.m1.controlDomain="m9"',
    message: /config\.machines\.m1\.controlDomain is m9, which config\.hosts does not have/,
  },
  {
    what: 'a service domain that is no host',
    set: 'config.machines.m1.serviceDomains.alternate="m9"',
    message: /machines\.m1\.serviceDomains\.alternate is m9, which config\.hosts does not have/,
  },
  {
    what: 'guests of a machine that does not exist',
    set:
      'config.guests=[{"machine":"m1","match":"*","platform":"linux"},' +
      '{"machine":"m9","match":"*","platform":"linux"}]',
    message: /config\.guests\[1\]\.machine is m9, which config\.machines does not have/,
  },
  {
    what: 'a pool of a host that does not exist',
    set: 'config.pools.silver.host="m9"',
    message: /config\.pools\.silver\.host is m9, which config\.hosts does not have/,
  },
  {
    what: 'a path of a machine that does not exist',
    set: path('machine', 'm9'),
    message: /pools\.silver\.paths\[0\]\.machine is m9, which config\.machines does not have/,
  },
  {
    what: 'a path through a service domain that does not exist',
    set: path('serviceDomain', 'secondary'),
    message: /paths\[0\]\.serviceDomain is secondary, which config\.machines\.m1\.serviceDomains/,
  },
  ...[
    { value: 'storageClasses', entry: '{}' },
    { value: 'volumeAttributesClasses', entry: '{"parameters":{}}' },
    { value: 'volumeSnapshotClasses', entry: '{}' },
    { value: 'volumeGroupSnapshotClasses', entry: '{}' },
  ].map(({ value, entry }) => ({
    what: `a name of one of ${value}`,
    set: `${value}.Gold_1=${entry}`,
    message: new RegExp(`at '/${value}': additional properties 'Gold_1' not allowed`),
  })),
  {
    what: 'a name of a node',
    set: 'node.guests.Worker_1="m1/ldg2"',
    message: /at '\/node\/guests': additional properties 'Worker_1' not allowed/,
  },
  {
    what: 'a name of a guest',
    set: 'node.guests.worker-2="m1/ldg=2"',
    message: /at '\/node\/guests\/worker-2'/,
  },
  {
    what: 'a name of a Secret',
    set: 'ssh.secretName="My Secret"',
    message: /at '\/ssh\/secretName'/,
  },
  {
    what: 'a key of a Secret',
    set: 'ssh.privateKey="id ed25519"',
    message: /at '\/ssh\/privateKey'/,
  },
  {
    what: 'a name of a Secret of guests',
    set: 'guestDisks.ssh.secretName="guests_1"',
    message: /at '\/guestDisks\/ssh\/secretName'/,
  },
  {
    what: 'a name of a Secret in a path',
    set: 'config.hosts.m1-primary.ssh.privateKeyFile="/etc/ldom-csi/ssh/My Secret/id"',
    message: /in a pod it is \/etc\/ldom-csi\/ssh\/<secret>\/<key>/,
  },
  {
    what: 'a name of a Secret with a password for images',
    set: 'imagePullSecrets=[{"name":"Registry"}]',
    message: /at '\/imagePullSecrets\/0\/name'/,
  },
  {
    what: 'a name of a PriorityClass',
    set: 'node.priorityClassName="very important"',
    message: /at '\/node\/priorityClassName'/,
  },
  {
    what: 'a name of objects',
    set: 'fullnameOverride="My_Driver"',
    message: /at '\/fullnameOverride'/,
  },
  { what: 'a tag of an image', set: 'image.tag=":"', message: /at '\/image\/tag'/ },
  {
    what: 'a name of an image that has a tag',
    set: 'image.repository="registry.example.com/ldom-csi:0.1.0"',
    message: /at '\/image\/repository'/,
  },
  {
    what: 'an image of a sidecar',
    set: 'sidecars.attacher.image="csi attacher"',
    message: /at '\/sidecars\/attacher\/image'/,
  },
  {
    what: 'a directory with a name that is not filled in',
    set: 'node.root="/data/{node}"',
    message: /at '\/node\/root'/,
  },
  {
    what: 'a directory that is a name to be filled in',
    set: 'node.root="/{guest}"',
    message: /at '\/node\/root'/,
  },
  { what: 'a directory that is all', set: 'node.root="/"', message: /at '\/node\/root'/ },
  {
    what: 'a label of the chart itself',
    set: 'controller.podLabels={"app.kubernetes.io/component":"other"}',
    message:
      /controller\.podLabels has app\.kubernetes\.io\/component, which the chart itself sets/,
  },
  {
    what: 'an annotation of the chart itself',
    set: 'node.podAnnotations={"kubectl.kubernetes.io/default-container":"other"}',
    message: /node\.podAnnotations has kubectl\.kubernetes\.io\/default-container, which the chart/,
  },
  {
    what: 'a label that Kubernetes does not take',
    set: 'node.podLabels={"team":"a team"}',
    message: /at '\/node\/podLabels\/team'/,
  },
  {
    what: 'an address for a policy that is none',
    set: 'networkPolicy.apiServer.cidrs=["10.96.0.1"]',
    message: /at '\/networkPolicy\/apiServer\/cidrs\/0'/,
  },
  {
    what: 'an amount of memory that is none',
    set: 'controller.resources.limits.memory="192 MB"',
    message: /at '\/controller\/resources\/limits\/memory'/,
  },
]
