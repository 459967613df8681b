// What the orchestrator does with a volume on its node, for tests: the requests as the Node service
// would make them.

import type { GuestVolumes } from '../../src/guest/guest-volumes.ts'
import type { StageRequest } from '../../src/guest/requests.ts'
import type { Attachment, Volume } from '../../src/model/volumes.ts'

export const STAGING = '/var/lib/ldom-csi/staging/one'
export const TARGET = '/srv/one'

export function stageRequest(
  volume: Volume,
  attachment: Attachment,
  change: Partial<StageRequest> = {},
): StageRequest {
  return {
    volumeId: volume.id,
    slot: attachment.slot,
    sizeBytes: attachment.sizeBytes,
    format:
      volume.format.kind === 'block'
        ? { kind: 'block' }
        : { kind: 'filesystem', type: '', mountOptions: [] },
    createdEmpty: volume.source.kind === 'empty',
    written: attachment.written,
    little: attachment.little,
    mode: attachment.mode,
    contentOf: attachment.content?.of,
    bornSeconds: attachment.content?.bornSeconds,
    stagingPath: STAGING,
    ...change,
  }
}

/** Stages and publishes a volume that is to have a file system. */
export async function mountVolume(
  node: Pick<GuestVolumes, 'stage' | 'publish'>,
  [volume, attachment]: readonly [Volume, Attachment],
  { stagingPath, targetPath }: { readonly stagingPath: string; readonly targetPath: string },
): Promise<void> {
  const type = volume.format.kind === 'filesystem' ? volume.format.type : ''
  const format = { kind: 'filesystem', type, mountOptions: [] } as const
  await node.stage(stageRequest(volume, attachment, { format, stagingPath }))
  await node.publish({
    ...publishRequest(volume, attachment, { targetPath }),
    ...{ format, stagingPath },
  })
}

export function publishRequest(
  volume: Volume,
  attachment: Attachment,
  change: { targetPath?: string; readonly?: boolean; exclusive?: boolean } = {},
) {
  const {
    createdEmpty: _empty,
    written: _written,
    little: _little,
    mode,
    ...staged
  } = stageRequest(volume, attachment)
  return {
    ...staged,
    targetPath: TARGET,
    readonly: mode === 'ro',
    mode,
    exclusive: false,
    ...change,
  }
}
