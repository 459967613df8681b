// Values that the chart must refuse before anything is installed, and words of the message.

import type { Refusal } from './refusal.ts'
import { REFUSED_CLASSES } from './refused-classes.ts'
import { REFUSED_NAMES } from './refused-names.ts'

/** The start of an entry. */
const GUEST = '{"machine":"m1","guest":"ldg2","platform":"linux"'
const guestDisks = (guests: string) => `guestDisks={"enabled":true,"config":{"guests":[${guests}]}}`

const PARAMETERS = 'storageClasses.silver.parameters'

/** All that Helm says, from its first problem on. */
const alone = (problem: string) => new RegExp(`^ldom-csi:\\n- ${problem}\\s*$`, 'm')

export const REFUSALS: readonly Refusal[] = [
  ...REFUSED_NAMES,
  ...REFUSED_CLASSES,
  { what: 'no configuration', set: 'config=null', message: /missing property 'config'/ },
  { what: 'a value that is not known', set: 'nodes={}', message: /'nodes' not allowed/ },
  {
    what: 'a key that is not known',
    set: 'config.clusters="a"',
    message: /'clusters' not allowed/,
  },
  { what: 'a key without a value', set: 'config.cluster=null', message: /cluster': got null/ },
  {
    what: 'a design that is not known',
    set: 'config.pools.silver.design="foo"',
    message: alone("at '/config/pools/silver/design': value must be one of 'local', 'lun'"),
  },
  {
    what: 'a pool without a design',
    set: 'config.pools.silver={}',
    message: alone("at '/config/pools/silver': missing property 'design'"),
  },
  {
    what: 'an amount that is none',
    set: 'node.maxUnavailable="some"',
    message: alone("at '/node/maxUnavailable': 'some' does not match pattern .*"),
  },
  {
    what: 'a parameter that is not known',
    set: `${PARAMETERS}={"pools":"a"}`,
    message: /'pools' not allowed/,
  },
  {
    what: 'a value of a parameter that is not known',
    set: `${PARAMETERS}={"pool":"silver","compression":"best"}`,
    message: /compression/,
  },
  {
    what: 'an attribute that loses writes',
    set: 'volumeAttributesClasses.fast.parameters={"sync":"disabled"}',
    message: /sync/,
  },
  {
    what: 'a host that is the pod itself',
    set: 'config.hosts.m1-primary={"local":true}',
    message: /config\.hosts\.m1-primary says local: a pod reaches every host over SSH/,
  },
  {
    what: 'a host that is the pod itself, beside a login',
    set: 'config.hosts.m1-primary.local=true',
    message: /config\.hosts\.m1-primary says local: a pod reaches every host over SSH/,
  },
  {
    what: 'a key file that no Secret can hold',
    set: 'config.hosts.m1-primary.ssh.privateKeyFile="/root/id"',
    message: /in a pod it is \/etc\/ldom-csi\/ssh\/<secret>\/<key>/,
  },
  { what: 'no Secret', set: 'ssh.secretName=""', message: /set ssh\.secretName/ },
  {
    what: 'a guest of a machine that does not exist',
    set: 'node.guests.worker-1="m9/ldg1"',
    message: /names machine m9, which config\.machines does not have/,
  },
  {
    what: 'a guest that would get no disk',
    set: 'config.guests=[{"machine":"m1","match":"web-?","platform":"linux"}]',
    message: /no entry of config\.guests matches/,
  },
  {
    what: 'a guest of a platform that has no pods',
    set: 'config.guests=[{"machine":"m1","match":"*","platform":"solaris"}]',
    message: /a node plugin in a pod serves a Linux guest/,
  },
  {
    what: 'one guest for two nodes',
    set: 'node.guests.worker-2="m1/ldg1"',
    message: /names one guest for two nodes/,
  },
  {
    what: 'a policy for a host that has a name only',
    set: 'config.hosts.m1-primary.ssh.address="m1.example.com"',
    message: /these hosts and guests have names: m1-primary; give networkPolicy\.sshCIDRs/,
  },
  {
    what: 'a socket whose path is too long',
    set: `kubeletDirectory="/${'k'.repeat(80)}"`,
    message: /longer than the 107 bytes that Linux allows/,
  },
  {
    what: 'a guest that is a node, too',
    set: guestDisks('{"machine":"m1","guest":"ldg1","platform":"linux"}'),
    message: /has m1\/ldg1, which is node worker-1 by node\.guests: kubelet mounts its volumes/,
  },
  {
    what: 'a guest without a kubelet twice',
    set: guestDisks(`${GUEST}},${GUEST}}`),
    message: /guests has m1\/ldg2 twice/,
  },
  {
    what: 'a guest without a kubelet of a machine that does not exist',
    set: guestDisks('{"machine":"m9","guest":"ldg2","platform":"linux"}'),
    message: /names machine m9, which config\.machines does not have/,
  },
  {
    what: 'a guest without a kubelet of another platform',
    set: guestDisks('{"machine":"m1","guest":"ldg2","platform":"solaris"}'),
    message: /calls m1\/ldg2 a guest with solaris, and config\.guests one with linux/,
  },
  {
    what: 'a guest that is the pod itself',
    set: guestDisks(`${GUEST},"local":true}`),
    message: /says local of m1\/ldg2: a pod reaches every guest over SSH/,
  },
  {
    what: 'a guest without a Secret',
    set: guestDisks(`${GUEST},"ssh":{"address":"192.0.2.32","user":"csi"}}`),
    message: /set guestDisks\.ssh\.secretName/,
  },
  {
    what: 'the key of a guest in a file that no Secret can hold',
    set: guestDisks(
      `${GUEST},"ssh":{"address":"192.0.2.32","user":"csi","privateKeyFile":"/root/id",` +
        '"knownHostsFile":"/etc/ldom-csi/ssh/guests/known_hosts"}}',
    ),
    message: /privateKeyFile of m1\/ldg2 .* is \/root\/id: in a pod it is/,
  },
  {
    what: 'a namespace that cannot be',
    set: guestDisks(`${GUEST},"namespaces":["Shop"]}`),
    message: /namespaces/,
  },
]
