import { createSign, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface CertificateSettings {
  /** DNS names and IPv4 addresses that it is for. */
  readonly names: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  /** Signs itself without one. */
  readonly issuer?: Certificate;
  /** What it may be used for and nothing else; anything without it. */
  readonly purpose?: 'client';
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const BASIC_CONSTRAINTS = '551d13';
const ALTERNATIVE_NAME = '551d11';
const PURPOSES = '551d25';
const CLIENT = '2b06010505070302';

/** Makes an X.509 v3 certificate on a fresh P-256 key, so that no key has to lie in the repository. */
export function makeCertificate({ names, issuer, purpose, ...validity }: CertificateSettings): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const subject = distinguishedName(names.join(' '));
  const issuerName = issuer === undefined ? subject : subjectOf(issuer);
  const from = validity.from ?? new Date(Date.now() - DAY_MS);
  const until = validity.until ?? new Date(Date.now() + DAY_MS);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    sequence(objectId(ECDSA_WITH_SHA256)),
    issuerName,
    sequence(time(from), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        basicConstraints(issuer === undefined),
        alternativeNames(names),
        ...(purpose === undefined ? [] : [clientsOnly()]),
      ),
    ),
  );
  const signed = sequence(
    body,
    sequence(objectId(ECDSA_WITH_SHA256)),
    signature(body, issuer?.key ?? privateKey),
  );
  const base64 = signed
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n');
  return { cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`, key };
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

const sequence = (...contents: readonly Buffer[]): Buffer => der(0x30, ...contents);
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer): Buffer => der(0x04, content);
const yes = der(0x01, Buffer.of(0xff));

const distinguishedName = (name: string): Buffer =>
  sequence(der(0x31, sequence(objectId(COMMON_NAME), der(0x0c, Buffer.from(name)))));

const time = (date: Date): Buffer =>
  der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`));

const basicConstraints = (isIssuer: boolean): Buffer =>
  sequence(objectId(BASIC_CONSTRAINTS), yes, octets(sequence(...(isIssuer ? [yes] : []))));

const alternativeNames = (names: readonly string[]): Buffer => {
  const each = names.map((name) =>
    /^[\d.]+$/.test(name)
      ? der(0x87, Buffer.from(name.split('.').map(Number)))
      : der(0x82, Buffer.from(name)),
  );
  return sequence(objectId(ALTERNATIVE_NAME), octets(sequence(...each)));
};

const clientsOnly = (): Buffer => sequence(objectId(PURPOSES), octets(sequence(objectId(CLIENT))));

const signature = (body: Buffer, key: KeyObject | string): Buffer =>
  der(0x03, Buffer.of(0), createSign('sha256').update(body).sign(key));

const subjectOf = ({ cert }: Certificate): Buffer =>
  distinguishedName(new X509Certificate(cert).subject.replace(/^CN=/, ''));
