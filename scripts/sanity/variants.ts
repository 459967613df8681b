// The runs of csi-sanity that are made: every suite with every kind of volume on every design, with
// secrets and without.

export type Switch = 'on' | 'off'

/**
 * One set of running plugins; the suite of CSI 1.12 takes the capabilities of 1.13 for mistakes.
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
    // What the switch of health takes away, and that it takes away no more.
    {
      setting: { suite: '5.6', health: 'off', snapshotTopology: 'on' },
      variants: ALL.filter(({ design, secrets }) => design === 'lun' && secrets === 'with'),
    },
    { setting: { suite: '5.5', health: 'off', snapshotTopology: 'off' }, variants: ALL },
  ]
