// What is running when the power fails: a call, how to get to the moment before it, and what the
// pool holds after it.

import {
  type Controller,
  create,
  expand,
  GROWN,
  publish,
  snapshot,
  unpublish,
} from './controllers.ts'

export interface Operation {
  /** The names of its volumes begin with it. */
  readonly name: string
  /** Returns the object that the call is about. */
  prepare(calls: Controller): Promise<string>
  call(calls: Controller, of: string): Promise<unknown>
  /** Its object is published by the call. */
  readonly isPublished?: boolean
  /** Takes back what the call did. */
  clean?(calls: Controller, of: string): Promise<unknown>
}

/** Copies grow after they are made, with commands of their own. */
const copyOf = (volume_content_source: object) => ({
  volume_content_source,
  capacity_range: GROWN,
})

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'create',
    prepare: async () => '',
    call: calls => create(calls, 'create-made'),
  },
  {
    name: 'delete',
    prepare: calls => create(calls, 'delete-made'),
    call: (calls, volume_id) => calls.DeleteVolume({ volume_id }),
  },
  {
    // A volume with a snapshot stays as long as that, without its reservation.
    name: 'hide',
    prepare: async calls => {
      const volume_id = await create(calls, 'hide-made')
      await snapshot(calls, volume_id, 'hide-daily')
      return volume_id
    },
    call: (calls, volume_id) => calls.DeleteVolume({ volume_id }),
  },
  {
    name: 'snapshot',
    prepare: calls => create(calls, 'snapshot-made'),
    call: (calls, volume_id) => snapshot(calls, volume_id, 'snapshot-daily'),
  },
  {
    name: 'restore',
    prepare: async calls => snapshot(calls, await create(calls, 'restore-made'), 'restore-daily'),
    call: (calls, snapshot_id) =>
      create(calls, 'restore-copy', copyOf({ snapshot: { snapshot_id } })),
  },
  {
    name: 'clone',
    prepare: calls => create(calls, 'clone-made'),
    call: (calls, volume_id) => create(calls, 'clone-copy', copyOf({ volume: { volume_id } })),
  },
  {
    name: 'expand',
    prepare: calls => create(calls, 'expand-made'),
    call: expand,
  },
  {
    name: 'publish',
    prepare: calls => create(calls, 'publish-made'),
    isPublished: true,
    call: publish,
    clean: unpublish,
  },
]
