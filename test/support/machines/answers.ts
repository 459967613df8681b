// What commands answer on a machine in QEMU, many of them in one go: each costs a round trip
// otherwise. And what a shell there has to say, so that the answers are told apart.

export interface Answer {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export const NO_ANSWER: Answer = { status: 0, stdout: '', stderr: '' }

/**
 * Functions of a shell: `take COMMAND…` runs it with its outputs in the files `$out` and `$err`,
 * `answer` prints them with `$status`, and `nothing` is the answer of what is no command.
 */
export const ANSWERING = `
export LC_ALL=C TZ=UTC
out=/tmp/differential.out; err=/tmp/differential.err
take() { "$@" </dev/null >$out 2>$err; status=$?; }
answer() { printf '%s %s %s\\n' $status $(stat -c %s $out) $(stat -c %s $err); cat $out $err; }
nothing() { : >$out; : >$err; status=0; answer; }
`

export function parseAnswers(text: string): readonly Answer[] {
  const output = Buffer.from(text, 'utf8')
  const answers: Answer[] = []
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\n', at)
    const [status = 0, out = 0, err = 0] = output.toString('utf8', at, end).split(' ').map(Number)
    const body = end + 1
    answers.push({
      status,
      stdout: output.toString('utf8', body, body + out),
      stderr: output.toString('utf8', body + out, body + out + err),
    })
    at = body + out + err
  }
  return answers
}
