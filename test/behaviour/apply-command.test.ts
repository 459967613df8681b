// The program itself, as a process: mistakes end it at once with all of them listed, SIGTERM ends it in peace.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '../../src/csi/client.ts'

const PROGRAM = fileURLToPath(new URL('../../src/bin/ldom-csi.ts', import.meta.url))

const NODE_FILE = `
node: { machine: m1, guest: ldg1, platform: linux, shell: { local: true } }
`
const CONTROLLER_FILE = `
cluster: test
hosts: { h1: { local: true } }
machines: { m1: { controlDomain: h1, serviceDomains: { primary: h1 }, saveConfiguration: false } }
pools:
  silver:
    design: local
    host: h1
    dataset: tank/csi
    paths: [ { machine: m1, serviceDomain: primary, vds: primary-vds0, device: '/dev/zvol/dsk/{dataset}/{volume}' } ]
`

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ldom-csi-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

function start(...args: readonly string[]) {
  const { CSI_ENDPOINT: _, ...env } = process.env
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => (output.text += chunk))
  return { child, output }
}

async function run(...args: readonly string[]): Promise<{ status: number; output: string }> {
  const { child, output } = start(...args)
  const [status] = await once(child, 'close')
  return { status, output: output.text }
}

test('a configuration with five mistakes ends the controller at once, with all five', async () => {
  const file = await write(
    'c.yaml',
    CONTROLLER_FILE.replace('cluster: test', 'cluster: NO\nextra: 1')
      .replace('controlDomain: h1', 'controlDomain: h2')
      .replace('{volume}', '{leaf}')
      .replace('saveConfiguration: false', 'saveConfiguration: maybe'),
  )

  const { status, output } = await run('controller', '--config', file, '--endpoint', `unix://${directory}/csi.sock`)

  expect(status).toBe(1)
  expect(output).toMatch(/c\.yaml: 5 problems/)
  for (const path of ['cluster', 'extra', 'machines.m1.saveConfiguration', 'pools.silver.paths[0].device', 'machines.m1.controlDomain']) {
    expect(output).toContain(`  ${path}: `)
  }
})

test.each([
  { args: ['node', '--config', 'NODE'], says: 'no endpoint: give --endpoint or set CSI_ENDPOINT' },
  { args: ['node', '--config', 'NODE', '--endpoint', 'tcp://x'], says: 'not of the form unix:///' },
  { args: ['node', '--config', '/does/not/exist'], says: 'cannot read /does/not/exist' },
  { args: ['node'], says: "required option '--config <file>' not specified" },
  { args: ['apply', '-f', 'NODE'], says: 'document 1: kind: is missing' },
  { args: ['apply', '-f', 'NODE', '--node', 'ldg1=/x'], says: '<machine>/<guest>=SOCKET' },
  { args: ['apply', '-f', 'NODE', '--delete', '--detach'], says: "option '--detach' cannot be used with option '--delete'" },
  { args: ['volumes', '--config', 'NODE', '--output', 'xml'], says: 'It is table or json.' },
  { args: ['aplly'], says: "unknown command 'aplly'" },
])('ldom-csi $args ends with a status other than 0 and says what is wrong', async ({ args, says }) => {
  const file = await write('node.yaml', NODE_FILE)

  const { status, output } = await run(...args.map(arg => (arg === 'NODE' ? file : arg)))

  expect(status).toBe(1)
  expect(output).toContain(says)
})

test.each([
  { role: 'controller', text: CONTROLLER_FILE, manifest: { cluster: 'test' } },
  { role: 'node', text: NODE_FILE, manifest: {} },
])('a $role serves its socket until SIGTERM, and leaves none behind', async ({ role, text, manifest }) => {
  const endpoint = `unix://${join(directory, 'csi.sock')}`
  const { child, output } = start(role, '--config', await write('config.yaml', text), '--endpoint', endpoint)
  const served = new Promise<void>(resolve => child.stdout.on('data', () => output.text.includes('serving') && resolve()))
  await Promise.race([served, once(child, 'close')])
  const client = connect(endpoint)

  const info = await client.identity.GetPluginInfo({}, { timeoutMs: 10_000 })
  client.close()
  child.kill('SIGTERM')
  const [status] = await once(child, 'close')

  expect(info).toEqual({ name: 'vdisk.ldom-csi.io', vendor_version: '0.1.0', manifest })
  expect(status).toBe(0)
  expect(existsSync(join(directory, 'csi.sock'))).toBe(false)
})
