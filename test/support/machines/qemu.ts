// What all machines in QEMU have in common on its command line.

interface Parts {
  readonly memoryMiB: number
  /** The file that receives what the machine prints. */
  readonly console: string
  /** Ports of 127.0.0.1 and where each leads: `PORT-ADDRESS:PORT`. */
  readonly forwards: readonly string[]
}

/**
 * One processor, a console, and a network that reaches nothing but who connects to its ports on
 * 127.0.0.1. Without an accelerator, a kernel and disks.
 */
export function bareMachine({ memoryMiB, console, forwards }: Parts): readonly string[] {
  const forwarded = forwards.map(forward => `hostfwd=tcp:127.0.0.1:${forward}`)
  return [
    ...['-machine', 'q35', '-smp', '1', '-m', String(memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-serial', `file:${console}`],
    ...['-netdev', ['user', 'id=net0', 'restrict=on', ...forwarded].join(',')],
    ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
  ]
}
