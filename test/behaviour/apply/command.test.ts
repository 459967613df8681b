// The program itself, as a process: mistakes end it at once with all of them listed, SIGTERM ends
// it in peace.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '../../../src/csi/wire/client.ts'

const PROGRAM = fileURLToPath(new URL('../../../src/bin/ldom-csi.ts', import.meta.url))

const NODE_FILE = `
node: { machine: m1, guest: ldg1, platform: linux, shell: { local: true } }
`
const CLAIM_FILE = `
kind: List
items:
- apiVersion: storage.k8s.io/v1
  kind: StorageClass
  metadata: { name: silver }
  provisioner: vdisk.ldom-csi.io
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: { name: web, annotations: { ldom-csi.io/guest: m1/ldg1, ldom-csi.io/mount-path: /srv/web } }
  spec: { storageClassName: silver, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
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

const LONGEST_RUN_MS = 20_000

let directory = ''
const children: ChildProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ldom-csi-'))
})
afterEach(async () => {
  // What a defect keeps from ending would keep this process from ending.
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(directory, { recursive: true })
})

async function write(name: string, text: string | Buffer): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

function start(...args: readonly string[]) {
  const { CSI_ENDPOINT: _, ...env } = process.env
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: 'pipe' })
  children.push(child)
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', chunk => (output.text += chunk))
  }
  return { child, output }
}

async function run(...args: readonly string[]): Promise<{ status: number; output: string }> {
  const { child, output } = start(...args)
  // A program that a defect keeps from ending is a failure soon, not at the limit of the test.
  const limit = setTimeout(() => child.kill('SIGKILL'), LONGEST_RUN_MS)
  const [status] = await once(child, 'close')
  clearTimeout(limit)
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

  const { status, output } = await run(
    'controller',
    '--config',
    file,
    '--endpoint',
    `unix://${directory}/csi.sock`,
  )

  expect(status).toBe(1)
  expect(output).toMatch(/c\.yaml: 5 problems/)
  for (const path of [
    'cluster',
    'extra',
    'machines.m1.saveConfiguration',
    'pools.silver.paths[0].device',
    'machines.m1.controlDomain',
  ]) {
    expect(output).toContain(`  ${path}: `)
  }
})

test.each([
  { args: ['node', '--config', 'NODE'], says: 'no endpoint: give --endpoint or set CSI_ENDPOINT' },
  { args: ['node', '--config', 'NODE', '--endpoint', 'tcp://x'], says: 'not of the form unix:///' },
  { args: ['node', '--config', '/does/not/exist'], says: 'cannot read /does/not/exist' },
  { args: ['node'], says: "required option '--config <file>' not specified" },
  { args: ['apply', '-f', 'NODE'], says: 'document 1: kind: is missing' },
  { args: ['apply', '-f', 'LATIN'], says: 'latin.yaml is not text in UTF-8' },
  { args: ['apply', '-f', 'EMPTY'], says: 'holds no file .yaml, .yml or .json' },
  {
    args: ['apply', '-f', 'CLAIM', '--controller', '/does/not/exist.sock', '--timeout', '1'],
    says: 'check that it runs, that --controller names its socket',
  },
  { args: ['apply', '-f', 'CLAIM', '--staging-directory', 'srv'], says: 'It is an absolute path' },
  { args: ['apply', '-f', 'NODE', '--node', 'ldg1=/x'], says: '<machine>/<guest>=SOCKET' },
  {
    args: ['apply', '-f', 'NODE', '--delete', '--detach'],
    says: "option '--detach' cannot be used with option '--delete'",
  },
  { args: ['volumes', '--config', 'NODE', '--output', 'xml'], says: 'It is table or json.' },
  { args: ['aplly'], says: "unknown command 'aplly'" },
])(
  'ldom-csi $args ends with a status other than 0 and says what is wrong',
  async ({ args, says }) => {
    const empty = join(directory, 'empty')
    await mkdir(empty)
    const files: Readonly<Record<string, string>> = {
      NODE: await write('node.yaml', NODE_FILE),
      CLAIM: await write('claim.yaml', CLAIM_FILE),
      LATIN: await write('latin.yaml', Buffer.from('# caf\xe9\n', 'latin1')),
      EMPTY: empty,
    }

    const { status, output } = await run(...args.map(arg => files[arg] ?? arg))

    expect(status).toBe(1)
    expect(output).toContain(says)
    expect(output).not.toMatch(/^ +at /m)
  },
)

test(
  'a directory, standard input and --dry-run: what the files ask for is said, and nothing is ' +
    'called',
  async () => {
    await write('claim.yaml', CLAIM_FILE)
    await write('notes.txt', 'not: [a manifest')
    const says = 'default/web: 1GiB, StorageClass silver, for m1/ldg1 at /srv/web\n'

    expect(await run('apply', '--dry-run', '-f', directory)).toEqual({ status: 0, output: says })
    const { child, output } = start('apply', '--dry-run', '-f', '-')
    child.stdin.end(CLAIM_FILE)
    expect(await once(child, 'close')).toEqual([0, null])
    expect(output.text).toBe(says)
    for (const intent of ['delete', 'detach']) {
      expect(await run('apply', '--dry-run', `--${intent}`, '-f', directory)).toEqual({
        status: 0,
        output: `${intent} ${says}`,
      })
    }
  },
)

test('--dry-run of classes alone says that there is nothing to do', async () => {
  const classes = CLAIM_FILE.replace(/- apiVersion: v1\n[\s\S]*/, '')
  const says = 'no claim and no snapshot in the files: nothing to do\n'
  expect(await run('apply', '--dry-run', '-f', await write('classes.yaml', classes))).toEqual({
    status: 0,
    output: says,
  })
})

test.each(['doctor', 'audit'])(
  '%s answers in JSON when it is asked to, and what could not be looked at is in it',
  async report => {
    const { status, output } = await run(
      report,
      '--config',
      await write('c.yaml', CONTROLLER_FILE),
      '--output',
      'json',
    )

    expect(status).toBe(1)
    expect(JSON.parse(output)).toEqual(
      expect.arrayContaining([expect.objectContaining({ object: expect.any(String) })]),
    )
  },
)

test('a reader that goes away ends it without a word', async () => {
  const { child, output } = start('apply', '--dry-run', '-f', await write('claim.yaml', CLAIM_FILE))
  child.stdout.destroy()

  expect(await once(child, 'close')).toEqual([1, null])
  expect(output.text).toBe('')
})

test.each([
  { name: 'no endpoint', endpoint: () => undefined, says: 'no endpoint' },
  {
    name: 'an endpoint of another kind',
    endpoint: () => 'tcp://x',
    says: 'not of the form unix:///',
  },
  {
    name: 'a directory that is missing',
    endpoint: () => `unix://${directory}/none/csi.sock`,
    says: 'there is no directory',
  },
  {
    name: 'a file that is no socket',
    endpoint: () => `unix://${directory}/c.yaml`,
    says: 'is not a socket',
  },
  {
    name: 'a directory where nothing can be made',
    endpoint: () => 'unix:///proc/csi.sock',
    says: 'cannot listen',
  },
  {
    name: 'the socket of another plugin',
    endpoint: () => `unix://${directory}/taken.sock`,
    says: 'in use by another process',
  },
])(
  'a controller that cannot listen ends with status 1 before it touches a host: $name',
  async ({ endpoint, says }) => {
    const touched = join(directory, 'touched')
    const prefix = await write('prefix', `#!/bin/sh\n: > ${touched}\n`)
    await chmod(prefix, 0o755)
    const file = await write(
      'c.yaml',
      CONTROLLER_FILE.replace('local: true', `local: true, prefix: [${prefix}]`),
    )
    const other = createServer().listen(join(directory, 'taken.sock'))
    await once(other, 'listening')

    const address = endpoint()
    const { status, output } = await run(
      'controller',
      '--config',
      file,
      ...(address === undefined ? [] : ['--endpoint', address]),
    )
    other.close()

    expect(status).toBe(1)
    expect(output).toContain(says)
    expect(existsSync(touched)).toBe(false)
  },
)

test('Ctrl-C ends it while a call waits, and says that a step may be half done', async () => {
  const socket = join(directory, 'silent.sock')
  const asked = Promise.withResolvers<void>()
  const silent = createServer(() => asked.resolve())
  await new Promise<void>(resolve => silent.listen(socket, resolve))
  const { child, output } = start(
    'apply',
    '-f',
    await write('claim.yaml', CLAIM_FILE),
    '--controller',
    socket,
  )
  await asked.promise

  child.kill('SIGINT')

  expect(await once(child, 'close')).toEqual([130, null])
  expect(output.text).toContain('a step may be half done: run the same command again')
  silent.close()
})

test.each([
  {
    role: 'controller',
    text: CONTROLLER_FILE,
    manifest: { cluster: 'test', 'only-while-off': 'known' },
  },
  { role: 'node', text: NODE_FILE, manifest: {} },
])(
  'a $role serves its socket until SIGTERM, and leaves none behind',
  async ({ role, text, manifest }) => {
    const endpoint = `unix://${join(directory, 'csi.sock')}`
    const { child, output } = start(
      role,
      '--config',
      await write('config.yaml', text),
      '--endpoint',
      endpoint,
    )
    const served = new Promise<void>(resolve =>
      child.stdout.on('data', () => output.text.includes('serving') && resolve()),
    )
    await Promise.race([served, once(child, 'close')])
    const client = connect(endpoint)

    const info = await client.identity.GetPluginInfo({}, { timeoutMs: 10_000 })
    client.close()
    child.kill('SIGTERM')
    const [status] = await once(child, 'close')

    expect(info).toEqual({ name: 'vdisk.ldom-csi.io', vendor_version: '0.1.0', manifest })
    expect(status).toBe(0)
    expect(existsSync(join(directory, 'csi.sock'))).toBe(false)
  },
)
