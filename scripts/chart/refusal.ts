// A mistake in the values, and what Helm has to say about it.

export interface Refusal {
  readonly what: string
  /** As in `--set-json`, over the default case. */
  readonly set: string
  readonly message: RegExp
}
