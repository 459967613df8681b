// Keys and certificates of the test cluster, made by openssl below the cluster's directory.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../support/commands.ts'

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const DAYS = ['-days', '30']
export const CLIENT = 'extendedKeyUsage=clientAuth'

export class Authority {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  certificate(name: string): string {
    return join(this.#directory, `${name}.crt`)
  }

  key(name: string): string {
    return join(this.#directory, `${name}.key`)
  }

  async create(): Promise<void> {
    if (existsSync(this.certificate('ca'))) return
    const files = ['-keyout', this.key('ca'), '-out', this.certificate('ca')]
    const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']
    await run([
      'openssl',
      'req',
      '-x509',
      ...NEW_KEY,
      ...DAYS,
      '-subj',
      '/CN=test-ca',
      ...usage,
      ...files,
    ])
    const signing = this.key('service-accounts')
    const curve = ['-name', 'prime256v1', '-genkey', '-noout']
    await run(['openssl', 'ecparam', ...curve, '-out', signing])
    await run(['openssl', 'ec', '-in', signing, '-pubout', '-out', `${signing}.pub`])
  }

  async issue(name: string, subject: string, extensions: readonly string[]): Promise<void> {
    if (existsSync(this.certificate(name))) return
    const request = join(this.#directory, `${name}.csr`)
    const wanted = join(this.#directory, `${name}.ext`)
    writeFileSync(wanted, ['keyUsage=critical,digitalSignature', ...extensions, ''].join('\n'))
    const files = ['-keyout', this.key(name), '-out', request]
    await run(['openssl', 'req', '-new', ...NEW_KEY, '-subj', subject, ...files])
    const authority = ['-CA', this.certificate('ca'), '-CAkey', this.key('ca'), '-CAcreateserial']
    const out = ['-extfile', wanted, '-out', this.certificate(name)]
    await run(['openssl', 'x509', '-req', '-in', request, ...authority, ...DAYS, ...out])
  }

  /** A kubeconfig for the certificate of that name. */
  writeKubeconfig(file: string, name: string, server: string): void {
    const cluster = { server, 'certificate-authority': this.certificate('ca') }
    const user = { 'client-certificate': this.certificate(name), 'client-key': this.key(name) }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster }],
      users: [{ name, user }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test',
    }
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  }
}
