import { lookup } from 'node:dns/promises';
import { expect, test } from '@jest/globals';
import { hashPassword, passwordMatches } from '../../src/core/users/password-hash.ts';

/** The test vectors of RFC 7914, section 12, except the last one, which takes 1 GiB. */
const VECTORS = [
  {
    password: '',
    salt: '',
    cost: 'ln=4,r=1,p=1',
    key: '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  },
  {
    password: 'password',
    salt: 'NaCl',
    cost: 'ln=10,r=8,p=16',
    key: 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
  },
  {
    password: 'pleaseletmein',
    salt: 'SodiumChloride',
    cost: 'ln=14,r=8,p=1',
    key: '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  },
];
const SALT = 'TmFDbA';
const KEY = unpadded(Buffer.from(VECTORS[1]?.key ?? '', 'hex'));

test.each(VECTORS)('a hash with the parameters $cost of RFC 7914 matches only “$password”', async (vector) => {
  const { password, salt, cost, key } = vector;
  const stored = `$scrypt$${cost}$${unpadded(Buffer.from(salt))}$${unpadded(Buffer.from(key, 'hex'))}`;

  expect(await passwordMatches(password, stored)).toBe(true);
  expect(await passwordMatches(`${password} `, stored)).toBe(false);
});

test('a new hash is a PHC string with its parameters and matches only its password', async () => {
  const stored = await hashPassword('пароль');

  expect(stored).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await passwordMatches('пароль', stored)).toBe(true);
  expect(await passwordMatches('парол', stored)).toBe(false);
  expect(await passwordMatches('', stored)).toBe(false);
});

test('each hash has a new salt', async () => {
  expect(await hashPassword('secret')).not.toBe(await hashPassword('secret'));
});

test('hashes leave the threads free that look up host names for new connections', async () => {
  const hashes = Array.from({ length: 8 }, () => hashPassword('secret'));
  const first = await Promise.race([...hashes, lookup('localhost')]);
  expect(first).toHaveProperty('address');
  await Promise.all(hashes);
});

test('too many hashes at once are refused as busy, and the others are still computed', async () => {
  const hashes = await Promise.allSettled(
    Array.from({ length: 80 }, () => passwordMatches('', '$scrypt$ln=1,r=1,p=1$$AAAAAAAAAAAAAAAAAAAAAA')),
  );
  const refused = hashes.filter((hash) => hash.status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'busy' });
  for (const hash of hashes) if (hash.status === 'fulfilled') expect(hash.value).toBe(false);
  expect(await passwordMatches('password', await hashPassword('password'))).toBe(true);
});

test.each(['ln=17,r=8,p=1', 'ln=16,r=8,p=2', 'ln=15,r=8,p=3', 'ln=14,r=8,p=5', 'ln=13,r=8,p=10'])(
  'a stored hash with the parameters %s, which OWASP lists, is checked',
  async (cost) => {
    expect(await passwordMatches('password', `$scrypt$${cost}$${SALT}$${KEY}`)).toBe(false);
  },
);

test.each([
  ['more memory', 'ln=18,r=8,p=1'],
  ['more memory', 'ln=17,r=9,p=1'],
  ['more memory', 'ln=99,r=999,p=1'],
  ['more work', 'ln=17,r=8,p=2'],
  ['more work', 'ln=10,r=8,p=999'],
  ['no rounds', 'ln=0,r=8,p=1'],
  ['no blocks', 'ln=14,r=0,p=1'],
  ['no repetitions', 'ln=14,r=8,p=0'],
])('a stored hash with %s (%s) matches nothing', async (_name, cost) => {
  expect(await passwordMatches('password', `$scrypt$${cost}$${SALT}$${KEY}`)).toBe(false);
});

test.each([
  '',
  'password',
  '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG',
  '$scrypt$ln=10,r=8,p=16$TmFDbA',
  '$scrypt$ln=10,r=8,p=16$TmFDbA$',
  '$scrypt$ln=10,r=8,p=16$TmFDbA$AAAA',
  '$scrypt$ln=10,r=8$TmFDbA$AAAAAAAAAAAAAAAAAAAAAA',
  '$scrypt$ln=-1,r=8,p=16$TmFDbA$AAAAAAAAAAAAAAAAAAAAAA',
  `$scrypt$ln=10,r=8,p=16$TmFDbA$${KEY}==`,
  `$scrypt$ln=10,r=8,p=16$TmFDbA$${KEY}\n`,
])('“%s”, which is not a scrypt hash, matches nothing', async (stored) => {
  expect(await passwordMatches('password', stored)).toBe(false);
});

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
