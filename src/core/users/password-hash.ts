import { randomBytes, type ScryptOptions, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './scrypt-threads.ts';

/** The cost of one hash: scrypt needs 128·N·r bytes of memory and repeats its work p times. */
interface Cost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/**
 * One of the five settings that OWASP's Password Storage Cheat Sheet lists as equivalent. The first of them, N=2^17
 * with p=1, takes 128 MiB per comparison; this one takes 16 MiB in each of up to four threads.
 */
const COST: Cost = { log2N: 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** The maximum memory and work among OWASP's settings. A stored hash that needs more matches no password. */
const MEMORY_BYTES_MAX = 128 * 2 ** 20;
const BLOCKS_MAX = 2 ** 20;

/** PHC string format: base64 without padding; salts up to 64 bytes, keys of 16 to 64. */
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{0,86})\$([A-Za-z0-9+/]{22,86})$/;

/** A hash that takes as long to compare as any other, but matches no password. */
export const UNMATCHED_HASH = encode(COST, Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES));

/** Hashes a password for storage: `$scrypt$ln=…,r=…,p=…$salt$key`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return encode(COST, salt, await deriveKey({ password, salt, length: KEY_BYTES, options: optionsOf(COST) }));
}

/** Whether the stored hash is this password's. A hash of another algorithm, or a malformed one, matches no password. */
export async function passwordMatches(password: string, storedHash: string): Promise<boolean> {
  const [, log2N, r, p, salt = '', key = ''] = PHC.exec(storedHash) ?? [];
  const cost = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  if (!isAffordable(cost)) return false;
  const expected = Buffer.from(key, 'base64');
  const actual = await deriveKey({
    password,
    salt: Buffer.from(salt, 'base64'),
    length: expected.length,
    options: optionsOf(cost),
  });
  return timingSafeEqual(actual, expected);
}

function isAffordable({ log2N, r, p }: Cost): boolean {
  const blocks = 2 ** log2N * r;
  return log2N >= 1 && r >= 1 && p >= 1 && 128 * blocks <= MEMORY_BYTES_MAX && blocks * p <= BLOCKS_MAX;
}

/** Node's default limit is 32 MiB, and OpenSSL counts a few buffers on top of the 128·N·r bytes. */
function optionsOf({ log2N, r, p }: Cost): ScryptOptions {
  return { N: 2 ** log2N, r, p, maxmem: 2 * MEMORY_BYTES_MAX };
}

function encode({ log2N, r, p }: Cost, salt: Buffer, key: Buffer): string {
  return `$scrypt$ln=${log2N},r=${r},p=${p}$${unpadded(salt)}$${unpadded(key)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
