// A client for the control socket of `ldom-sim serve`, to inspect and break the simulated world
// behind the driver.

import { connect } from 'node:net'
import { createInterface } from 'node:readline'

export interface DatasetState {
  readonly name: string
  readonly kind: 'filesystem' | 'volume'
  readonly sizeBytes?: number
}

export interface MachineState {
  readonly domains: readonly {
    readonly name: string
    readonly vds: readonly {
      readonly name: string
      readonly volumes: readonly {
        readonly name: string
        readonly device: string /* '': none */
        readonly mpgroup: string
      }[]
    }[]
    readonly vdisks: readonly { readonly name: string; readonly id?: number }[]
  }[]
}

export interface XenMachineState {
  readonly domains: readonly {
    readonly name: string
    readonly vbds: readonly { readonly number: number; readonly target: string }[]
  }[]
}

export interface GuestState {
  readonly disks: readonly {
    readonly id: number
    readonly name: string
    readonly activeServiceDomain?: string
  }[]
  readonly mounts: readonly {
    readonly path: string
    readonly type: string
    readonly source: string
    readonly disk: number
  }[]
}

export interface WorldState {
  readonly storage: Readonly<Record<string, readonly DatasetState[]>>
  readonly targets: Readonly<
    Record<
      string,
      {
        readonly units: readonly { readonly guid: string; readonly dataFile: string }[]
        readonly views: readonly unknown[]
      }
    >
  >
  readonly machines: Readonly<Record<string, MachineState>>
  readonly xenMachines: Readonly<Record<string, XenMachineState>>
  readonly guests: Readonly<Record<string, GuestState>>
}

export class Simulation {
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  // The simulator defines this shape. A check that reads anything else fails.
  async state(): Promise<WorldState> {
    return (await this.ask({ op: 'state' })) as unknown as WorldState
  }

  /** Sends one request: one JSON line in each direction. */
  ask(request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socket)
      socket.once('error', reject)
      createInterface({ input: socket }).once('line', line => {
        socket.end()
        const answer: Readonly<Record<string, unknown>> = JSON.parse(line)
        if (typeof answer.error === 'string') {
          reject(new Error(`${JSON.stringify(request)}: ${answer.error}`))
        } else resolve(answer)
      })
      socket.write(`${JSON.stringify(request)}\n`)
    })
  }
}
