// The usage texts of the simulated zfs, from which programs learn what it can do. Recorded for
// OpenZFS 2.3 and pool version 23. `linesOf` derives the other versions, and changes only what the
// driver could look at.

import type { SimDialect } from './dialects.ts'
import { propertiesOf } from './property-definitions.ts'

const OPENZFS = `	version [-j]

	create [-Pnpuv] [-o property=value] ... <filesystem>
	create [-Pnpsv] [-b blocksize] [-o property=value] ... -V <size> <volume>
	destroy [-fnpRrv] <filesystem|volume>
	destroy [-dnpRrv] <filesystem|volume>@<snap>[%<snap>][,...]
	destroy <filesystem|volume>#<bookmark>

	snapshot [-r] [-o property=value] ... <filesystem|volume>@<snap> ...
	rollback [-rRf] <snapshot>
	clone [-p] [-o property=value] ... <snapshot> <filesystem|volume>
	promote <clone-filesystem>
	rename [-f] <filesystem|volume|snapshot> <filesystem|volume|snapshot>
	rename -p [-f] <filesystem|volume> <filesystem|volume>
	rename -u [-f] <filesystem> <filesystem>
	rename -r <snapshot> <snapshot>
	bookmark <snapshot|bookmark> <newbookmark>
	diff [-FHth] <snapshot> [snapshot|filesystem]

	list [-Hp] [-j [--json-int]] [-r|-d max] [-o property[,...]] [-s property]...
	    [-S property]... [-t type[,...]] [filesystem|volume|snapshot] ...

	set [-u] <property=value> ... <filesystem|volume|snapshot> ...
	get [-rHp] [-j [--json-int]] [-d max] [-o "all" | field[,...]]
	    [-t type[,...]] [-s source[,...]]
	    <"all" | property[,...]> [filesystem|volume|snapshot|bookmark] ...
	inherit [-rS] <property> <filesystem|volume|snapshot> ...
	upgrade [-v]
	upgrade [-r] [-V version] <-a | filesystem ...>

	userspace [-Hinp] [-o field[,...]] [-s field] ...
	    [-S field] ... [-t type[,...]] <filesystem|snapshot|path>
	groupspace [-Hinp] [-o field[,...]] [-s field] ...
	    [-S field] ... [-t type[,...]] <filesystem|snapshot|path>
	projectspace [-Hp] [-o field[,...]] [-s field] ... 
	    [-S field] ... <filesystem|snapshot|path>

	project [-d|-r] <directory|file ...>
	project -c [-0] [-d|-r] [-p id] <directory|file ...>
	project -C [-k] [-r] <directory ...>
	project [-p id] [-r] [-s] <directory ...>

	mount [-j]
	mount [-flvO] [-o opts] <-a|-R filesystem|filesystem>
	unmount [-fu] <-a | filesystem|mountpoint>
	share [-l] <-a [nfs|smb] | filesystem>
	unshare <-a [nfs|smb] | filesystem|mountpoint>

	send [-DLPbcehnpsVvw] [-i|-I snapshot]
	     [-R [-X dataset[,dataset]...]]     <snapshot>
	send [-DnVvPLecw] [-i snapshot|bookmark] <filesystem|volume|snapshot>
	send [-DnPpVvLec] [-i bookmark|snapshot] --redact <bookmark> <snapshot>
	send [-nVvPe] -t <receive_resume_token>
	send [-PnVv] --saved filesystem
	receive [-vMnsFhu] [-o <property>=<value>] ... [-x <property>] ...
	    <filesystem|volume|snapshot>
	receive [-vMnsFhu] [-o <property>=<value>] ... [-x <property>] ... 
	    [-d | -e] <filesystem>
	receive -A <filesystem|volume>
	redact <snapshot> <bookmark> <redaction_snapshot> ...

	allow <filesystem|volume>
	allow [-ldug] <"everyone"|user|group>[,...] <perm|@setname>[,...]
	    <filesystem|volume>
	allow [-ld] -e <perm|@setname>[,...] <filesystem|volume>
	allow -c <perm|@setname>[,...] <filesystem|volume>
	allow -s @setname <perm|@setname>[,...] <filesystem|volume>
	unallow [-rldug] <"everyone"|user|group>[,...]
	    [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-rld] -e [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-r] -c [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-r] -s @setname [<perm|@setname>[,...]] <filesystem|volume>

	hold [-r] <tag> <snapshot> ...
	holds [-rHp] <snapshot> ...
	release [-r] <tag> <snapshot> ...

	load-key [-rn] [-L <keylocation>] <-a | filesystem|volume>
	unload-key [-r] <-a | filesystem|volume>
	change-key [-l] [-o keyformat=<value>]
	    [-o keylocation=<value>] [-o pbkdf2iters=<value>]
	    <filesystem|volume>
	change-key -i [-l] <filesystem|volume>

	program [-jn] [-t <instruction limit>] [-m <memory limit (b)>]
	    <pool> <program file> [lua args...]
	rewrite [-rvx] [-o <offset>] [-l <length>] <directory|file ...>
	wait [-t <activity>] <filesystem>

	zone <nsfile> <filesystem>
	unzone <nsfile> <filesystem>`

const OLD = `	create [-p] [-o property=value] ... <filesystem>
	create [-ps] [-b blocksize] [-o property=value] ... -V <size> <volume>
	destroy [-rRf] <filesystem|volume>
	destroy [-rRd] <snapshot>

	snapshot [-r] [-o property=value] ... <filesystem@snapname|volume@snapname>
	rollback [-rRf] <snapshot>
	clone [-p] [-o property=value] ... <snapshot> <filesystem|volume>
	promote <clone-filesystem>
	rename <filesystem|volume|snapshot> <filesystem|volume|snapshot>
	rename -p <filesystem|volume> <filesystem|volume>
	rename -r <snapshot> <snapshot>
	list [-rH][-d max] [-o property[,...]] [-t type[,...]] [-s property] ...
	    [-S property] ... [filesystem|volume|snapshot] ...

	set <property=value> <filesystem|volume|snapshot> ...
	get [-rHp] [-d max] [-o "all" | field[,...]] [-s source[,...]]
	    <"all" | property[,...]> [filesystem|volume|snapshot] ...
	inherit [-rS] <property> <filesystem|volume|snapshot> ...
	upgrade [-v]
	upgrade [-r] [-V version] <-a | filesystem ...>
	userspace [-hniHp] [-o field[,...]] [-sS field] ... [-t type[,...]]
	    <filesystem|snapshot>
	groupspace [-hniHpU] [-o field[,...]] [-sS field] ... [-t type[,...]]
	    <filesystem|snapshot>

	mount
	mount [-vO] [-o opts] <-a | filesystem>
	unmount [-f] <-a | filesystem|mountpoint>
	share <-a | filesystem>
	unshare <-a | filesystem|mountpoint>

	send [-RDp] [-[iI] snapshot] <snapshot>
	receive [-vnF] <filesystem|volume|snapshot>
	receive [-vnF] -d <filesystem>

	allow <filesystem|volume>
	allow [-ldug] <"everyone"|user|group>[,...] <perm|@setname>[,...]
	    <filesystem|volume>
	allow [-ld] -e <perm|@setname>[,...] <filesystem|volume>
	allow -c <perm|@setname>[,...] <filesystem|volume>
	allow -s @setname <perm|@setname>[,...] <filesystem|volume>

	unallow [-rldug] <"everyone"|user|group>[,...]
	    [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-rld] -e [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-r] -c [<perm|@setname>[,...]] <filesystem|volume>
	unallow [-r] -s @setname [<perm|@setname>[,...]] <filesystem|volume>

	hold [-r] <tag> <snapshot> ...
	holds [-r] <snapshot> ...
	release [-r] <tag> <snapshot> ...`

function linesOf(dialect: SimDialect): string {
  if (dialect.line === 'old') return OLD
  if (dialect.name === 'openzfs-2.3') return OPENZFS
  const older = OPENZFS.replaceAll(' [-j [--json-int]]', '')
    .replaceAll(' [-j]', '')
    .replace(/\n\trewrite .*/, '')
  if (dialect.name === 'openzfs-2.2') return older
  const oldest = older
    .replace('set [-u] ', 'set ')
    .replace('holds [-rHp]', 'holds [-rH]')
    .replace(/\n\n\tzone .*\n\tunzone .*/, '')
  // Recalled: illumos has no `zfs version`.
  return dialect.name === 'illumos' ? oldest.replace('\tversion\n\n', '') : oldest
}

/** The usage of zfs, printed after `missing command` and similar complaints. */
export function generalUsage(dialect: SimDialect): string {
  const form = '\n\nEach dataset is of the form: pool/[dataset/]*dataset[@name]'
  return (
    `usage: zfs command args ...\nwhere 'command' is one of the ` +
    `following:\n\n${linesOf(dialect)}${form}${hints(dialect)}`
  )
}

/**
 * The usage of one command. After a complaint about a property, `get`, `list` and `inherit` also
 * print the table of properties.
 */
export function commandUsage(
  dialect: SimDialect,
  command: string,
  table: 'properties' | 'none' = 'none',
): string {
  const lines = linesOf(dialect).split('\n')
  const own: string[] = []
  let inside = false
  for (const line of lines) {
    if (!line.startsWith('\t    ')) {
      inside = line === `\t${command}` || line.startsWith(`\t${command} `)
    }
    if (inside && line !== '') own.push(line)
  }
  const head = `usage:\n${own.join('\n')}`
  return table === 'properties'
    ? `${head}\n\n${propertyUsage(dialect)}`
    : `${head}${hints(dialect)}`
}

function hints(dialect: SimDialect): string {
  const lists =
    '\n\nFor the property list, run: zfs set|get\n\nFor the delegated permission list, run: zfs ' +
    'allow|unallow'
  return dialect.helpLine
    ? `${lists}\n\nFor further help on a command or topic, run: zfs help [<topic>]`
    : lists
}

function propertyUsage(dialect: SimDialect): string {
  const row = (name: string, editable: boolean, inherited: boolean, values: string) =>
    `\t${name.padEnd(15)} ` +
    `${editable ? 'YES    ' : ' NO    '}${inherited ? '  YES   ' : '   NO   '}${values}`
  const native = [...propertiesOf(dialect).values()].map(({ name, editable, inherited, values }) =>
    row(name, editable, inherited, values),
  )
  const openzfs = dialect.line === 'openzfs'
  const families = openzfs
    ? ['user', 'group', 'project', 'userobj', 'groupobj', 'projectobj']
    : ['user', 'group']
  const used = families.map(family => row(`${family}used@...`, false, false, '<size>'))
  const quota = families.map(family => row(`${family}quota@...`, true, false, '<size> | none'))
  const written = openzfs
    ? [
        row('written@<snap>', false, false, '<size>'),
        row('written#<bookmark>', false, false, '<size>'),
      ]
    : []
  const owners = openzfs ? '{user|group|project}[obj]{used|quota}' : '{user|group}{used|quota}'
  const specifier = openzfs ? 'user|group|project specifier' : 'user or group specifier'
  return [
    'The following properties are supported:',
    '',
    '\tPROPERTY       EDIT  INHERIT   VALUES',
    '',
    ...native,
    ...used,
    ...quota,
    ...written,
    '',
    'Sizes are specified in bytes with standard units such as K, M, G, etc.',
    '',
    'User-defined properties can be specified by using a name containing a colon (:).',
    '',
    `The ${owners}@ properties must be appended with`,
    `a ${specifier} of one of these forms:`,
    '    POSIX name      (eg: "matt")',
    '    POSIX id        (eg: "126829")',
    '    SMB name@domain (eg: "matt@sun")',
    '    SMB SID         (eg: "S-1-234-567-89")',
  ].join('\n')
}
