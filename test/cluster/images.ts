// The images of the test cluster, made from local files and put into containerd under the names
// that upstream uses. Only the driver's own image is made elsewhere: by `npm run image`.

import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ImageArchive, type ImageSpec } from '../../scripts/image/oci.ts'
import { run } from '../support/commands.ts'
import { BUSYBOX_IMAGE, PAUSE_IMAGE, SIDECAR_IMAGES } from './image-names.ts'
import type { Programs } from './programs.ts'
import { STATE } from './settings.ts'

const BUSYBOX = '/bin/busybox'

/** The path of an archive that holds them all. */
export async function makeImages(programs: Programs): Promise<string> {
  const file = join(STATE, 'images.tar')
  if (existsSync(file)) return file
  const work = join(STATE, 'images')
  const archive = new ImageArchive({ work, created: new Date(0), layers: 'plain' })
  await archive.add(await busybox(join(work, 'busybox')))
  await archive.add(program(join(work, 'pause'), PAUSE_IMAGE, programs.pause))
  for (const [program_, name] of SIDECAR_IMAGES) {
    await archive.add(program(join(work, program_), name, programs[program_]))
  }
  await archive.write(file)
  rmSync(work, { recursive: true })
  return file
}

/** An image with nothing but one program that needs no library. */
function program(directory: string, reference: string, binary: string): ImageSpec {
  mkdirSync(directory, { recursive: true })
  // Its name is what the API server's audit log calls it.
  const own = basename(binary).replace(/-[0-9a-f]{16}$/, '')
  copyFileSync(binary, join(directory, own))
  const config = { Entrypoint: [`/${own}`], User: '65532:65532' }
  return { reference, layers: [directory], config }
}

async function busybox(directory: string): Promise<ImageSpec> {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'usr', 'var']) {
    mkdirSync(join(directory, name), { recursive: true })
  }
  symlinkSync('../bin', join(directory, 'usr/bin'))
  symlinkSync('bin', join(directory, 'sbin'))
  copyFileSync(BUSYBOX, join(directory, 'bin/busybox'))
  const applets = (await run([BUSYBOX, '--list'])).split('\n')
  for (const applet of applets.filter(name => name !== '' && name !== 'busybox')) {
    symlinkSync('busybox', join(directory, 'bin', applet))
  }
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\n')
  const config = { Env: ['PATH=/usr/bin:/bin:/sbin'], Cmd: ['sh'] }
  return { reference: BUSYBOX_IMAGE, layers: [directory], config }
}
