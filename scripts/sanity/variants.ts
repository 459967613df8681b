// The runs of csi-sanity: every suite with every kind of volume on every design, with and without
// secrets.

export type Switch = 'on' | 'off'

/**
 * One set of running plugins. The suite of CSI 1.12 rejects the capabilities of 1.13 as mistakes.
 */
export interface Setting {
  readonly suite: '5.6' | '5.5'
  readonly health: Switch
  readonly snapshotTopology: Switch
}

export interface Variant {
  readonly access: 'mount' | 'block'
  readonly design: 'local' | 'lun'
  readonly secrets: 'with' | 'without'
}

const ALL: readonly Variant[] = (['local', 'lun'] as const).flatMap(design =>
  (['mount', 'block'] as const).flatMap(access =>
    (['with', 'without'] as const).map(secrets => ({ design, access, secrets })),
  ),
)

export const RUNS: readonly { readonly setting: Setting; readonly variants: readonly Variant[] }[] =
  [
    { setting: { suite: '5.6', health: 'on', snapshotTopology: 'on' }, variants: ALL },
    // With health off, the health RPCs must be missing, and nothing else.
    {
      setting: { suite: '5.6', health: 'off', snapshotTopology: 'on' },
      variants: ALL.filter(({ design, secrets }) => design === 'lun' && secrets === 'with'),
    },
    { setting: { suite: '5.5', health: 'off', snapshotTopology: 'off' }, variants: ALL },
  ]
