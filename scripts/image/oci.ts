// Writes an OCI image archive, which `ctr images import`, `podman load` and `skopeo` read. The same
// trees and the same moment make the same bytes.
// Format: github.com/opencontainers/image-spec, image-layout.md, manifest.md, config.md (1.1).

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface ImageSpec {
  /** Name and tag, as a registry would know it. */
  readonly reference: string
  /** Directories, each a layer; the first is the lowest. */
  readonly layers: readonly string[]
  /** As container runtimes know it: Entrypoint, User, Env, Labels. */
  readonly config: object
  /** Every file, and the image itself, is from this moment. */
  readonly created: Date
  /** As Go names it: amd64, arm64. */
  readonly architecture: string
}

export interface WrittenImage {
  readonly digest: string
  /** Sum of the layers, as a registry stores them, and as they lie on a disk. */
  readonly compressedBytes: number
  readonly unpackedBytes: number
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const TYPE = 'application/vnd.oci.image'

/** Writes the archive `file`; `work` is a directory for the parts. */
export async function writeImage(
  spec: ImageSpec,
  { work, file }: { work: string; file: string },
): Promise<WrittenImage> {
  const layout = join(work, 'layout')
  const blobs = join(layout, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  const layers: (Descriptor & { diffId: string; tarBytes: number })[] = []
  for (const tree of spec.layers) layers.push(await writeLayer(tree, { spec, blobs, work }))

  const putJson = (mediaType: string, value: unknown): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(value))
    const sum = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(blobs, sum), bytes)
    return { mediaType, digest: `sha256:${sum}`, size: bytes.length }
  }
  const platform = { architecture: spec.architecture, os: 'linux' }
  const config = putJson(`${TYPE}.config.v1+json`, {
    created: spec.created.toISOString(),
    ...platform,
    config: spec.config,
    rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.diffId) },
  })
  const manifest = putJson(`${TYPE}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })
  const names = {
    'io.containerd.image.name': spec.reference,
    'org.opencontainers.image.ref.name': spec.reference.slice(spec.reference.lastIndexOf(':') + 1),
  }
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...manifest, platform, annotations: names }],
    }),
  )
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  archive(layout, file, spec.created)
  return {
    digest: manifest.digest,
    compressedBytes: layers.reduce((sum, layer) => sum + layer.size, 0),
    unpackedBytes: layers.reduce((sum, layer) => sum + layer.tarBytes, 0),
  }
}

async function writeLayer(
  tree: string,
  { spec, blobs, work }: { spec: ImageSpec; blobs: string; work: string },
): Promise<Descriptor & { diffId: string; tarBytes: number }> {
  const tar = join(work, 'layer.tar')
  archive(tree, tar, spec.created)
  const diffId = `sha256:${await sha256Of(tar)}`
  const packed = `${tar}.gz`
  await pipeline(createReadStream(tar), createGzip({ level: 9 }), createWriteStream(packed))
  const sum = await sha256Of(packed)
  const size = statSync(packed).size
  await rename(packed, join(blobs, sum))
  const mediaType = `${TYPE}.layer.v1.tar+gzip`
  return { mediaType, digest: `sha256:${sum}`, size, diffId, tarBytes: statSync(tar).size }
}

function archive(tree: string, file: string, moment: Date): void {
  execFileSync('tar', [
    '--create',
    `--file=${file}`,
    `--directory=${tree}`,
    '--sort=name',
    '--format=gnu',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${Math.floor(moment.getTime() / 1000)}`,
    '.',
  ])
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
