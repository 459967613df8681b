// Builds the image of the driver as an OCI archive, without a registry and without a daemon:
//   npm run build && npm run image      writes build/ldom-csi-image.tar and its bill of materials
// The same two scripts of image/ fill the image that image/Containerfile describes. Needs a Debian
// with package lists (apt-get update); no root.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDirectory } from './cache.ts'
import { billOfMaterials } from './image/bill.ts'
import { parseContainerfile } from './image/containerfile.ts'
import { ImageArchive } from './image/oci.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const BUILD = join(root, 'build')
const FILE = join(BUILD, 'ldom-csi-image.tar')
const BILL = join(BUILD, 'ldom-csi-image.cdx.json')

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'ldom-csi-image-'))
  try {
    const created = commitTime()
    const base = fillBase()
    const trees = join(work, 'trees')
    run(join(root, 'image', 'application.sh'), trees)
    const nodeVersion = execFileSync(join(trees, 'node', 'usr', 'bin', 'node'), [
      '--print',
      'process.versions.node',
    ])
    const bill = billOfMaterials({
      root,
      debianPackages: readFileSync(`${base}.packages`, 'utf8'),
      nodeVersion: nodeVersion.toString().trim(),
      created,
    })
    writeFileSync(join(trees, 'application/usr/share/doc/ldom-csi/bom.cdx.json'), bill)
    const reference = `ldom-csi.io/ldom-csi:${version}`
    const archive = new ImageArchive({ work, created, layers: 'gzip' })
    const written = await archive.add({
      reference,
      layers: [base, join(trees, 'node'), join(trees, 'application')],
      config: parseContainerfile(readFileSync(join(root, 'image', 'Containerfile'), 'utf8')),
    })
    await archive.write(join(work, 'image.tar'))
    mkdirSync(BUILD, { recursive: true })
    copyFileSync(join(work, 'image.tar'), `${FILE}.new`)
    renameSync(`${FILE}.new`, FILE)
    writeFileSync(BILL, bill)
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
    console.log(`${FILE}: ${reference}, ${written.digest}`)
    console.log(`${mib(written.storedBytes)} compressed, ${mib(written.unpackedBytes)} unpacked`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The tree of the Debian programs. It is kept, because it takes a minute or two: as long as neither
 * the scripts nor what apt knows of packages has changed.
 */
function fillBase(): string {
  const hash = createHash('sha256')
  for (const file of ['base.sh', 'programs.txt']) {
    hash.update(readFileSync(join(root, 'image', file)))
  }
  const lists = '/var/lib/apt/lists'
  for (const name of existsSync(lists) ? readdirSync(lists).sort() : []) {
    if (name.endsWith('Release')) hash.update(`${name} ${statSync(join(lists, name)).mtimeMs}`)
  }
  const cache = cacheDirectory('image')
  const base = join(cache, `base-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(base) && existsSync(`${base}.packages`)) return base
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'new-'))
  try {
    run(join(root, 'image', 'base.sh'), join(work, 'base'))
    cpSync(join(work, 'base.packages'), `${base}.packages`)
    renameSync(join(work, 'base'), base)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return base
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

/** The moment of the commit, so that the same commit makes the same image. */
function commitTime(): Date {
  const given = process.env.SOURCE_DATE_EPOCH
  const seconds =
    given ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' })
  return new Date(Number(seconds) * 1000)
}

await main()
