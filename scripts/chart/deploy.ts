// The plain manifests of deploy/, from what Helm rendered: one file for each template, without the
// labels that belong to Helm.

const HEADER = '# Rendered from charts/ldom-csi by npm run chart. Not to be edited.\n'
const HELM_LABELS = /^ +(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm

/** By the names of the files. */
export function deployFiles(rendered: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const document of rendered.split(/^---\n/m)) {
    const [, name] = /^# Source: [^/]+\/templates\/(.+)\n/.exec(document) ?? []
    if (name === undefined) continue
    const text = document.replace(/^# Source: .*\n/, '').replace(HELM_LABELS, '')
    files.set(name, `${files.get(name) ?? HEADER}---\n${text}`)
  }
  return files
}
