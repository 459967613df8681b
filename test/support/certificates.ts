// A certificate authority and a server's certificate for 127.0.0.1, made on the spot: tests need
// neither a program for it nor a key that is in the repository. DER as RFC 5280 and X.690 write it.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Authority {
  /** PEM. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

export function createAuthority(name: string): Authority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = extension('551d13', sequence(tlv(0x01, Buffer.from([0xff]))))
  // iPAddress of subjectAltName
  const address = extension('551d11', sequence(tlv(0x87, Buffer.from([127, 0, 0, 1]))))
  const by = { issuer: name, issuerKey: authority.privateKey }
  return {
    ca: certificate({ ...by, subject: name, key: authority.publicKey, extensions: [isAuthority] }),
    cert: certificate({
      ...by,
      subject: '127.0.0.1',
      key: server.publicKey,
      extensions: [address],
    }),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function certificate(spec: {
  readonly issuer: string
  readonly issuerKey: KeyObject
  readonly subject: string
  readonly key: KeyObject
  readonly extensions: readonly Buffer[]
}): string {
  const day = (offset: number) => {
    const text = new Date(Date.now() + offset * 86_400_000).toISOString()
    return tlv(0x17, Buffer.from(`${text.replaceAll(/[-:T]/g, '').slice(2, 14)}Z`))
  }
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    nameOf(spec.issuer),
    sequence(day(-1), day(1)),
    nameOf(spec.subject),
    spec.key.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...spec.extensions)),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, spec.issuerKey)])
  const der = sequence(toBeSigned, ECDSA_WITH_SHA256, tlv(0x03, signature))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), tlv(0x04, value))
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function tlv(tag: number, value: Buffer): Buffer {
  const length =
    value.length < 128
      ? [value.length]
      : value.length < 256
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), value])
}
