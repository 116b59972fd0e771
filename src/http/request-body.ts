import { type Request, type RequestHandler, type Response, raw } from 'express';
import { DomainError } from '../errors.ts';
import { Shares } from '../shares.ts';
import { texts } from '../texts.ts';

/** The limit for one request body. */
const BODY_BYTES_MAX = 1_048_576;
/** The limit for all bodies in flight. Parsed, they take several times as much. */
const PROCESS_BYTES_MAX = 67_108_864;
const ACCOUNT_BYTES_MAX = PROCESS_BYTES_MAX / 2;
/** Not counted, so that ordinary requests are served however much memory the others hold. */
const UNCOUNTED_BYTES = 65_536;

const read: RequestHandler = raw({ type: () => true, limit: BODY_BYTES_MAX });

const memory = new Shares({ total: PROCESS_BYTES_MAX, share: ACCOUNT_BYTES_MAX });

/**
 * Reads a request body of up to 1 MiB, whatever its Content-Type; both APIs decode it themselves. Call it when the client's
 * credentials have been checked: what anonymous clients send must not fill the memory. Throws Express's error for a larger
 * body, and `overloaded` if too many large ones are in flight, of the account or in all.
 */
export async function readBody(
  request: Request,
  response: Response,
  account: string | undefined,
): Promise<Buffer | undefined> {
  const bytes = bytesOf(request);
  if (bytes > UNCOUNTED_BYTES) {
    if (!memory.tryTake(account, bytes)) throw new DomainError('overloaded', texts.overloaded);
    response.once('close', () => {
      memory.give(account, bytes);
    });
  }
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  return Buffer.isBuffer(request.body) ? request.body : undefined;
}

/** How large the body may become. */
function bytesOf({ headers }: Request): number {
  const isUnknown = headers['transfer-encoding'] !== undefined || headers['content-encoding'] !== undefined;
  return isUnknown ? BODY_BYTES_MAX : Math.min(Number(headers['content-length'] ?? 0), BODY_BYTES_MAX);
}
