// Values that the chart must refuse before anything is installed, and words of the message.

export interface Refusal {
  readonly what: string
  /** As in `--set-json`, over the default case. */
  readonly set: string
  readonly message: RegExp
}

const PARAMETERS = 'storageClasses.silver.parameters'

export const REFUSALS: readonly Refusal[] = [
  { what: 'no configuration', set: 'config=null', message: /missing property 'config'/ },
  { what: 'a value that is not known', set: 'nodes={}', message: /'nodes' not allowed/ },
  {
    what: 'a key that is not known',
    set: 'config.clusters="a"',
    message: /'clusters' not allowed/,
  },
  { what: 'a key without a value', set: 'config.cluster=null', message: /cluster': got null/ },
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
    what: 'a class of a pool that does not exist',
    set: `${PARAMETERS}={"pool":"bronze"}`,
    message: /storageClasses\.silver names pool bronze, which config\.pools does not have/,
  },
  {
    what: 'a host that is the pod itself',
    set: 'config.hosts.m1-primary={"local":true}',
    message: /config\.hosts\.m1-primary has no ssh/,
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
    message: /these hosts of config have names: m1-primary; give networkPolicy\.sshCIDRs/,
  },
  {
    what: 'a socket whose path is too long',
    set: `kubeletDirectory="/${'k'.repeat(80)}"`,
    message: /longer than the 107 bytes that Linux allows/,
  },
]
