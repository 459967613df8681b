// How a change shows in a host's process list. Every tool exports a list of its own programs; the
// composition gives all lists to every host.

export interface ChangingProgram {
  /** Matches the program's name without its path. */
  readonly program: RegExp
  /** Matches the first word after the program if it changes something. */
  readonly change: RegExp
  /** Any word after the program may match, not only the first. */
  readonly atAnyWord?: true
  /**
   * Counts only with its path, as the driver runs it. An administrator's `rm -rf` may run for
   * hours, and a guest's own programs touch files all day.
   */
  readonly onlyByPath?: true
}
