// kubectl as the administrator of the test cluster: what a person would do.

import { stringify } from 'yaml'
import { type RunOptions, run, waitFor } from '../support/commands.ts'

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly [key: string]: unknown
  }
  readonly [key: string]: unknown
}

export interface KubectlOptions {
  readonly binary: string
  readonly kubeconfig: string
  readonly namespace: string
}

export class Kubectl {
  readonly #options: KubectlOptions

  constructor(options: KubectlOptions) {
    this.#options = options
  }

  get namespace(): string {
    return this.#options.namespace
  }

  in(namespace: string): Kubectl {
    return new Kubectl({ ...this.#options, namespace })
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { binary, kubeconfig, namespace } = this.#options
    const access = ['--kubeconfig', kubeconfig, '--namespace', namespace]
    return run([binary, ...access, ...args], { timeoutMs: 300_000, ...options })
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const input = objects.map(object => stringify(object)).join('---\n')
    await this.run(['apply', '--filename', '-'], { input })
  }

  async applyFile(file: string): Promise<void> {
    await this.run(['apply', '--filename', file])
  }

  /** One object, or the list of a kind. */
  async get<T = KubernetesObject>(...what: readonly string[]): Promise<T> {
    return JSON.parse(await this.run(['get', ...what, '--output', 'json']))
  }

  async list<T = KubernetesObject>(...what: readonly string[]): Promise<readonly T[]> {
    const { items } = await this.get<{ items: readonly T[] }>(...what)
    return items
  }

  /** The value of a JSONPath, empty where there is none. */
  value(what: string, path: string): Promise<string> {
    return this.run(['get', ...what.split(' '), '--output', `jsonpath={${path}}`])
  }

  /** Absence is success; returns when the objects are gone. */
  async delete(...what: readonly string[]): Promise<void> {
    await this.run(['delete', '--ignore-not-found', '--timeout=180s', ...what])
  }

  exec(pod: string, ...argv: readonly string[]): Promise<string> {
    return this.run(['exec', pod, '--', ...argv])
  }

  /** Waits for `field=value` or `condition=Name`; says what the object looked like otherwise. */
  async wait(what: string, until: string, limitMs = 120_000): Promise<void> {
    const condition = until.startsWith('condition=') || until === 'delete'
    const wanted = condition ? until : `jsonpath={${until.split('=')[0]}}=${until.split('=')[1]}`
    const limit = `--timeout=${Math.ceil(limitMs / 1000)}s`
    await this.run(['wait', what, `--for=${wanted}`, limit]).catch(async error => {
      const described = await this.run(['describe', what]).catch(String)
      throw new Error(`${String(error)}\n${described.slice(-4000)}`)
    })
  }

  async podReady(pod: string, limitMs = 120_000): Promise<void> {
    await this.wait(`pod/${pod}`, 'condition=Ready', limitMs)
  }

  async exists(...what: readonly string[]): Promise<boolean> {
    return (await this.run(['get', ...what, '--ignore-not-found', '--output', 'name'])) !== ''
  }

  async gone(...what: readonly string[]): Promise<void> {
    await waitFor(
      { what: `the end of ${what.join(' ')}`, limitMs: 120_000 },
      async () => !(await this.exists(...what)),
    )
  }
}
