// The bill of materials of the image, in CycloneDX 1.5: what npm says of the driver's packages, with
// Node.js and the Debian packages of the base added.

import { execFileSync } from 'node:child_process'

interface Component {
  readonly type: string
  readonly name: string
  readonly version: string
  readonly purl: string
}

interface Bill {
  readonly metadata: { readonly component: object }
  readonly components: readonly Component[]
  readonly dependencies: readonly unknown[]
}

export interface BillOptions {
  /** The project's directory, with package-lock.json. */
  readonly root: string
  /** Lines "name version architecture". */
  readonly debianPackages: string
  readonly nodeVersion: string
  readonly created: Date
}

/** The text of the bill. It names no serial number and no host, so the same image has the same. */
export function billOfMaterials({
  root,
  debianPackages,
  nodeVersion,
  created,
}: BillOptions): string {
  const npm = JSON.parse(
    execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    }),
  ) as Bill
  const debian = debianPackages
    .trim()
    .split('\n')
    .map(line => {
      const [name = '', version = '', architecture = ''] = line.split(' ')
      const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`
      return { 'bom-ref': purl, type: 'library', name, version, purl }
    })
  const node = {
    'bom-ref': `pkg:generic/nodejs@${nodeVersion}`,
    type: 'application',
    name: 'nodejs',
    version: nodeVersion,
    purl: `pkg:generic/nodejs@${nodeVersion}`,
  }
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: created.toISOString(),
      component: { ...npm.metadata.component, type: 'container', name: 'ldom-csi' },
    },
    components: [...npm.components, node, ...debian],
    dependencies: npm.dependencies,
  }
  return `${JSON.stringify(bill, undefined, 2)}\n`
}
