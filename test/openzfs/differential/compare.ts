// What of two answers has to be equal: everything, but for the identity and the time of datasets,
// which are compared by which of them are equal to each other, and for free space, in which a real
// pool also keeps what it needs for itself.

import { MiB } from '../../../src/model/volumes.ts'
import type { Answer } from '../../support/machines/answers.ts'
import { type Action, shown } from './both-hosts.ts'

/** Numbers the values of a property in the order in which a sequence shows them. */
class Numbering {
  readonly #known = new Map<string, number>()

  of(value: string): number {
    const number = this.#known.get(value) ?? this.#known.size
    this.#known.set(value, number)
    return number
  }
}

class Reader {
  readonly #numberings = new Map<string, Numbering>()

  read({ status, stdout, stderr }: Answer): string {
    const out = stdout
      .replace(/\t(guid|createtxg)\t(\d+)\t/g, (_, name: string, value: string) => {
        const numbering = this.#numberings.get(name) ?? new Numbering()
        this.#numberings.set(name, numbering)
        return `\t${name}\tnumber ${numbering.of(value)}\t`
      })
      .replace(/\tcreation\t\d+\t/g, '\tcreation\ttime\t')
      .replace(/\tclones\t([^\t]*)\t/g, (_, list: string) => `\tclones\t${sorted(list, ',')}\t`)
    return `${out}${dependantsSorted(stderr)}[rc=${status}]\n`
  }
}

const OWN_BYTES = 4 * MiB
const FREE_SPACE = /^(\S+\tavailable|tank\tused)\t(\d+)\t-$/

/** The simulated text, with the numbers of the real one where they mean the same. */
function withFreeSpace(simulated: string, real: string): string {
  const lines = real.split('\n')
  return simulated
    .split('\n')
    .map((line, at) => {
      const [, what, bytes] = FREE_SPACE.exec(line) ?? []
      const [, realWhat, realBytes] = FREE_SPACE.exec(lines[at] ?? '') ?? []
      const isSame = what !== undefined && what === realWhat
      const isClose = Math.abs(Number(bytes) - Number(realBytes)) <= OWN_BYTES
      return isSame && isClose ? (lines[at] ?? line) : line
    })
    .join('\n')
}

const sorted = (text: string, separator: string) => text.split(separator).sort().join(separator)

// Their order is unspecified and changes between runs.
function dependantsSorted(stderr: string): string {
  return stderr.replace(
    /(use '-[rR]' to destroy the following datasets:\n)(.*)\n$/s,
    (_, head: string, list: string) => `${head}${sorted(list, '\n')}\n`,
  )
}

export interface Transcripts {
  readonly real: string
  readonly simulated: string
}

/** Both as transcripts: the commands, and what each host said. */
export function transcripts(
  actions: readonly Action[],
  answers: { readonly real: readonly Answer[]; readonly simulated: readonly Answer[] },
): Transcripts {
  const readers = { real: new Reader(), simulated: new Reader() }
  let [real, simulated] = ['', '']
  for (const [at, action] of actions.entries()) {
    const [ofReal, ofSimulated] = [answers.real[at], answers.simulated[at]]
    const said = ofReal === undefined ? 'nothing\n' : readers.real.read(ofReal)
    real += `$ ${shown(action)}\n${said}`
    const text = ofSimulated === undefined ? 'nothing\n' : readers.simulated.read(ofSimulated)
    simulated += `$ ${shown(action)}\n${withFreeSpace(text, said)}`
  }
  return { real, simulated }
}
