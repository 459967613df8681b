// GuestDisk as models of the form that the library has for the objects of Kubernetes itself: which
// fields there are, of what type. A field that is not named here is not read.

import type { V1ObjectMeta } from '@kubernetes/client-node/dist/gen/models/V1ObjectMeta.js'

interface Attribute {
  readonly name: string
  readonly baseName: string
  readonly type: string
}

type Types = Readonly<Record<string, string>>

function attributes(types: Types): readonly Attribute[] {
  return Object.entries(types).map(([name, type]) => ({ name, baseName: name, type }))
}

const SPEC = attributes({
  claimName: 'string',
  guest: 'string',
  mountPath: 'string',
  devicePath: 'string',
  readOnly: 'boolean',
  vdiskNumber: 'number',
  mountOptions: 'Array<string>',
})

export class GuestDiskSpecModel {
  claimName?: string
  guest?: string
  mountPath?: string
  devicePath?: string
  readOnly?: boolean
  vdiskNumber?: number
  mountOptions?: string[]

  static getAttributeTypeMap(): readonly Attribute[] {
    return SPEC
  }
}

const CONDITION = attributes({
  type: 'string',
  status: 'string',
  reason: 'string',
  message: 'string',
  lastTransitionTime: 'string',
  observedGeneration: 'number',
})

export class GuestDiskConditionModel {
  type?: string
  status?: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  observedGeneration?: number

  static getAttributeTypeMap(): readonly Attribute[] {
    return CONDITION
  }
}

const PATH = attributes({ serviceDomain: 'string', service: 'string', state: 'string' })

export class GuestDiskPathModel {
  serviceDomain?: string
  service?: string
  state?: string

  static getAttributeTypeMap(): readonly Attribute[] {
    return PATH
  }
}

const STATUS = attributes({
  observedGeneration: 'number',
  conditions: 'Array<GuestDiskConditionModel>',
  volume: 'string',
  size: 'string',
  vdisk: 'number',
  device: 'string',
  paths: 'Array<GuestDiskPathModel>',
  pathsWorking: 'string',
})

export class GuestDiskStatusModel {
  observedGeneration?: number
  conditions?: GuestDiskConditionModel[]
  volume?: string
  size?: string
  vdisk?: number
  device?: string
  paths?: GuestDiskPathModel[]
  pathsWorking?: string

  static getAttributeTypeMap(): readonly Attribute[] {
    return STATUS
  }
}

const DISK = attributes({
  apiVersion: 'string',
  kind: 'string',
  metadata: 'V1ObjectMeta',
  spec: 'GuestDiskSpecModel',
  status: 'GuestDiskStatusModel',
})

export class GuestDiskModel {
  apiVersion?: string
  kind?: string
  metadata?: V1ObjectMeta
  spec?: GuestDiskSpecModel
  status?: GuestDiskStatusModel

  static getAttributeTypeMap(): readonly Attribute[] {
    return DISK
  }
}
