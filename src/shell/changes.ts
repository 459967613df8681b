// By what a host's process list shows that something is being changed. Every tool exports a list of
// its own programs; the composition hands all of them to every host.

export interface ChangingProgram {
  /** Fits the program's name, without its path. */
  readonly program: RegExp
  /** Fits the first word behind the program when it changes something. */
  readonly change: RegExp
  /** Any word behind the program decides, not only the first. */
  readonly atAnyWord?: true
  /**
   * Only counts with its path, as the driver runs it: an administrator's `rm -rf` may take hours,
   * and a guest's own programs touch files all day long.
   */
  readonly onlyByPath?: true
}
