// The native properties of simulated datasets, as zfs lists them in its usage texts (recorded:
// OpenZFS 2.1 and 2.2, pool version 23). Data only; properties.ts computes the values.
//
// name|editable|inherited|types (filesystem, volume, snapshot)|default with -p|first OpenZFS
// version|values, with / for |

export const OPENZFS_PROPERTIES = `
available|NO|NO|fv||2.1|<size>
clones|NO|NO|s||2.1|<dataset>[,...]
compressratio|NO|NO|fvs||2.1|<1.00x or higher if compressed>
createtxg|NO|NO|fvs||2.1|<uint64>
creation|NO|NO|fvs||2.1|<date>
defer_destroy|NO|NO|s||2.1|yes / no
encryptionroot|NO|NO|fvs||2.1|<filesystem / volume>
filesystem_count|NO|NO|f|none|2.1|<count>
guid|NO|NO|fvs||2.1|<uint64>
keystatus|NO|NO|fvs||2.1|none / unavailable / available
logicalreferenced|NO|NO|fvs||2.1|<size>
logicalused|NO|NO|fv||2.1|<size>
mounted|NO|NO|f||2.1|yes / no
objsetid|NO|NO|fvs||2.1|<uint64>
origin|NO|NO|fv||2.1|<snapshot>
receive_resume_token|NO|NO|fv||2.1|<string token>
redact_snaps|NO|NO|fs||2.1|<snapshot>[,...]
refcompressratio|NO|NO|fvs||2.1|<1.00x or higher if compressed>
referenced|NO|NO|fvs||2.1|<size>
snapshot_count|NO|NO|fv|none|2.1|<count>
snapshots_changed|NO|NO|fv||2.2|<date>
type|NO|NO|fvs||2.1|filesystem / volume / snapshot / bookmark
used|NO|NO|fvs||2.1|<size>
usedbychildren|NO|NO|fv||2.1|<size>
usedbydataset|NO|NO|fv||2.1|<size>
usedbyrefreservation|NO|NO|fv||2.1|<size>
usedbysnapshots|NO|NO|fv||2.1|<size>
userrefs|NO|NO|s||2.1|<count>
written|NO|NO|fvs||2.1|<size>
aclinherit|YES|YES|f|restricted|2.1|discard / noallow / restricted / passthrough / passthrough-x
aclmode|YES|YES|f|discard|2.1|discard / groupmask / passthrough / restricted
acltype|YES|YES|f|off|2.1|off / nfsv4 / posix
atime|YES|YES|f|on|2.1|on / off
canmount|YES|NO|f|on|2.1|on / off / noauto
casesensitivity|NO|YES|f|sensitive|2.1|sensitive / insensitive / mixed
checksum|YES|YES|fv|on|2.1|on / off / fletcher2 / fletcher4 / sha256 / sha512 / skein / edonr / blake3
compression|YES|YES|fv||2.1|on / off / lzjb / gzip / gzip-[1-9] / zle / lz4 / zstd / zstd-[1-19] / zstd-fast / zstd-fast-[1-10,20,30,40,50,60,70,80,90,100,500,1000]
context|YES|NO|fv|none|2.1|<selinux context>
copies|YES|YES|fv|1|2.1|1 / 2 / 3
dedup|YES|YES|fv|off|2.1|on / off / verify / sha256[,verify] / sha512[,verify] / skein[,verify] / edonr,verify / blake3[,verify]
defcontext|YES|NO|fv|none|2.1|<selinux defcontext>
devices|YES|YES|f|on|2.1|on / off
dnodesize|YES|YES|f|legacy|2.1|legacy / auto / 1k / 2k / 4k / 8k / 16k
encryption|NO|YES|fv|off|2.1|on / off / aes-128-ccm / aes-192-ccm / aes-256-ccm / aes-128-gcm / aes-192-gcm / aes-256-gcm
exec|YES|YES|f|on|2.1|on / off
filesystem_limit|YES|NO|f|none|2.1|<count> / none
fscontext|YES|NO|fv|none|2.1|<selinux fscontext>
keyformat|NO|NO|fv|none|2.1|none / raw / hex / passphrase
keylocation|YES|NO|fv|none|2.1|prompt / <file URI> / <https URL> / <http URL>
logbias|YES|YES|fv|latency|2.1|latency / throughput
mlslabel|YES|YES|fv|none|2.1|<sensitivity label>
mountpoint|YES|YES|f||2.1|<path> / legacy / none
nbmand|YES|YES|f|off|2.1|on / off
normalization|NO|YES|f|none|2.1|none / formC / formD / formKC / formKD
overlay|YES|YES|f|on|2.1|on / off
pbkdf2iters|NO|NO|fv|0|2.1|<iters>
prefetch|YES|YES|fv|all|2.2|none / metadata / all
primarycache|YES|YES|fv|all|2.1|all / none / metadata
quota|YES|NO|f|0|2.1|<size> / none
readonly|YES|YES|fv|off|2.1|on / off
recordsize|YES|YES|f|131072|2.1|512 to 1M, power of 2
redundant_metadata|YES|YES|fv|all|2.1|all / most / some / none
refquota|YES|NO|f|0|2.1|<size> / none
refreservation|YES|NO|fv|0|2.1|<size> / none
relatime|YES|YES|f|off|2.1|on / off
reservation|YES|NO|fv|0|2.1|<size> / none
rootcontext|YES|NO|fv|none|2.1|<selinux rootcontext>
secondarycache|YES|YES|fv|all|2.1|all / none / metadata
setuid|YES|YES|f|on|2.1|on / off
sharenfs|YES|YES|f|off|2.1|on / off / NFS share options
sharesmb|YES|YES|f|off|2.1|on / off / SMB share options
snapdev|YES|YES|v|hidden|2.1|hidden / visible
snapdir|YES|YES|f|hidden|2.1|hidden / visible
snapshot_limit|YES|NO|fv|none|2.1|<count> / none
special_small_blocks|YES|YES|f|0|2.1|zero or 512 to 1M, power of 2
sync|YES|YES|fv|standard|2.1|standard / always / disabled
utf8only|NO|YES|f|off|2.1|on / off
version|YES|NO|f|5|2.1|1 / 2 / 3 / 4 / 5 / current
volblocksize|NO|YES|v||2.1|512 to 128k, power of 2
volmode|YES|YES|v|default|2.1|default / full / geom / dev / none
volsize|YES|NO|vs||2.1|<size>
volthreading|YES|NO|v|on|2.3|on / off
vscan|YES|YES|f|off|2.1|on / off
xattr|YES|YES|f|on|2.1|on / off / dir / sa
zoned|YES|YES|f|off|2.1|on / off
`

export const OLD_PROPERTIES = `
available|NO|NO|fv|||<size>
compressratio|NO|NO|fvs|||<1.00x or higher if compressed>
creation|NO|NO|fvs|||<date>
defer_destroy|NO|NO|s|||yes / no
mounted|NO|NO|f|||yes / no
origin|NO|NO|fv|||<snapshot>
referenced|NO|NO|fvs|||<size>
type|NO|NO|fvs|||filesystem / volume / snapshot
used|NO|NO|fvs|||<size>
usedbychildren|NO|NO|fv|||<size>
usedbydataset|NO|NO|fv|||<size>
usedbyrefreservation|NO|NO|fv|||<size>
usedbysnapshots|NO|NO|fv|||<size>
userrefs|NO|NO|s|||<count>
aclinherit|YES|YES|f|restricted||discard / noallow / restricted / passthrough / passthrough-x
aclmode|YES|YES|f|groupmask||discard / groupmask / passthrough
atime|YES|YES|f|on||on / off
canmount|YES|NO|f|on||on / off / noauto
casesensitivity|NO|YES|f|sensitive||sensitive / insensitive / mixed
checksum|YES|YES|fv|on||on / off / fletcher2 / fletcher4 / sha256
compression|YES|YES|fv|||on / off / lzjb / gzip / gzip-[1-9] / zle
copies|YES|YES|fv|1||1 / 2 / 3
dedup|YES|YES|fv|off||on / off / verify / sha256[,verify]
devices|YES|YES|f|on||on / off
exec|YES|YES|f|on||on / off
logbias|YES|YES|fv|latency||latency / throughput
mlslabel|YES|YES|fv|off||<sensitivity label>
mountpoint|YES|YES|f|||<path> / legacy / none
nbmand|YES|YES|f|off||on / off
normalization|NO|YES|f|none||none / formC / formD / formKC / formKD
primarycache|YES|YES|fv|all||all / none / metadata
quota|YES|NO|f|0||<size> / none
readonly|YES|YES|fv|off||on / off
recordsize|YES|YES|f|131072||512 to 128k, power of 2
refquota|YES|NO|f|0||<size> / none
refreservation|YES|NO|fv|0||<size> / none
reservation|YES|NO|fv|0||<size> / none
secondarycache|YES|YES|fv|all||all / none / metadata
setuid|YES|YES|f|on||on / off
sharenfs|YES|YES|f|off||on / off / share(1M) options
sharesmb|YES|YES|f|off||on / off / sharemgr(1M) options
snapdir|YES|YES|f|hidden||hidden / visible
sync|YES|YES|fv|standard||standard / always / disabled
utf8only|NO|YES|f|off||on / off
version|YES|NO|f|4||1 / 2 / 3 / 4 / current
volblocksize|NO|YES|v|||512 to 128k, power of 2
volsize|YES|NO|vs|||<size>
vscan|YES|YES|f|off||on / off
xattr|YES|YES|f|on||on / off
zoned|YES|YES|f|off||on / off
`
