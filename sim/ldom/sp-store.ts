// The data that survives a power cycle of the simulated machine: the configurations on the service
// processor and their autosaved copies. This file copies configurations and never runs one.

import { CONTROL_DOMAIN, type Configuration } from './model.ts'
import { LdmFailure, TEXTS } from './texts.ts'

interface Saved {
  readonly configuration: Configuration
  /** Number of changes that the machine had seen when it was saved. */
  readonly revision: number
}

const FACTORY_DEFAULT = 'factory-default'
const LONGEST_NAME = 69

export class SpStore {
  #saved = new Map<string, Saved>()
  #autosaved = new Map<string, Saved>()
  #current: string
  #nextPowerOn: string
  #revision = 0
  #degraded = false

  constructor(initial: Configuration) {
    const factory = structuredClone(initial)
    for (const name of [...factory.domains.keys()]) {
      if (name !== CONTROL_DOMAIN) factory.domains.delete(name)
    }
    factory.domains.get(CONTROL_DOMAIN)?.servers.clear()
    this.#saved.set(FACTORY_DEFAULT, { configuration: factory, revision: 0 })
    this.#current = 'initial'
    this.#nextPowerOn = 'initial'
    this.#saved.set('initial', { configuration: structuredClone(initial), revision: 0 })
    this.#autosaved.set('initial', { configuration: structuredClone(initial), revision: 0 })
  }

  /** Autosaves the running configuration after a change, under the name of the current one. */
  changed(running: Configuration): void {
    this.#revision += 1
    this.#autosaved.set(this.#current, {
      configuration: structuredClone(running),
      revision: this.#revision,
    })
  }

  add(name: string, running: Configuration): void {
    if (name.length > LONGEST_NAME || !/^[A-Za-z0-9][-\w+#.:;~()]*$/.test(name)) {
      throw new LdmFailure(TEXTS.invalidConfigurationName())
    }
    if (this.#saved.has(name)) throw new LdmFailure(TEXTS.configurationExists(name))
    this.#store(name, { configuration: structuredClone(running), revision: this.#revision })
  }

  /** `add-spconfig -r`: saves an autosaved copy as a configuration of the same or a new name. */
  recover(autosave: string, name: string): void {
    const found = this.#autosaved.get(autosave)
    if (!found) throw new LdmFailure(TEXTS.unknownConfiguration(autosave))
    if (name !== autosave && this.#saved.has(name)) {
      throw new LdmFailure(TEXTS.configurationExists(name))
    }
    this.#saved.set(name, {
      configuration: structuredClone(found.configuration),
      revision: found.revision,
    })
  }

  remove(name: string): void {
    if (name === FACTORY_DEFAULT) throw new LdmFailure(TEXTS.factoryDefault())
    if (!this.#saved.delete(name)) throw new LdmFailure(TEXTS.unknownConfiguration(name))
    this.#autosaved.delete(name)
    // ldm does not warn: if the configuration for the next power-on is removed, the machine comes
    // up without guests.
    if (this.#nextPowerOn === name) this.#nextPowerOn = FACTORY_DEFAULT
  }

  select(name: string): void {
    if (!this.#saved.has(name)) throw new LdmFailure(TEXTS.unknownConfiguration(name))
    this.#nextPowerOn = name
  }

  list(): string {
    return [...this.#saved.keys()]
      .map(name => {
        const marks = [
          name === this.#current ? ' [current]' : '',
          name === this.#nextPowerOn && name !== this.#current ? ' [next poweron]' : '',
          name === this.#current && this.#degraded ? ' [degraded]' : '',
        ]
        return `${name}${marks.join('')}\n`
      })
      .join('')
  }

  listAutosaved(): string {
    return [...this.#autosaved.keys()]
      .map(name => `${name}${this.#isNewer(name) ? ' [newer]' : ''}\n`)
      .join('')
  }

  /** The name of the current configuration if its autosaved copy holds later changes. */
  newerAutosave(): string | undefined {
    return this.#isNewer(this.#current) ? this.#current : undefined
  }

  /**
   * The configuration with which the machine comes up. After a hardware fault the firmware may boot
   * another one (`boots`); the chosen one is tried again at the next power cycle. Or it boots the
   * chosen one with the resources that are left, marked `[degraded]` until another is saved
   * (documented: 3.2 to 3.6 guides).
   */
  powerOn(fault: { readonly boots?: string; readonly degraded?: boolean } = {}): Configuration {
    this.#current = fault.boots ?? this.#nextPowerOn
    this.#degraded = fault.degraded === true
    const found = this.#saved.get(this.#current)
    if (!found) throw new Error(`no configuration ${this.#current}`)
    return structuredClone(found.configuration)
  }

  /**
   * Recovery policy 3, when the Logical Domains Manager starts: the next power cycle uses the
   * autosaved copy.
   */
  overwriteWithAutosave(): void {
    const newer = this.newerAutosave()
    if (newer !== undefined) this.recover(newer, newer)
  }

  #store(name: string, saved: Saved): void {
    this.#saved.set(name, saved)
    this.#autosaved.set(name, saved)
    this.#current = name
    this.#nextPowerOn = name
    this.#degraded = false
  }

  #isNewer(name: string): boolean {
    const autosaved = this.#autosaved.get(name)
    return autosaved !== undefined && autosaved.revision > (this.#saved.get(name)?.revision ?? -1)
  }
}
