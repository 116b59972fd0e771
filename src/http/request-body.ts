import { type Request, type RequestHandler, type Response, raw } from 'express';

/** Of every request body, in bytes. */
const BODY_BYTES_MAX = 1_048_576;

const read: RequestHandler = raw({ type: () => true, limit: BODY_BYTES_MAX });

/**
 * Reads a request body of up to 1 MiB, whatever its Content-Type; both APIs decode it themselves. Call it when the client's
 * credentials have been checked: what anonymous clients send must not fill the memory. Throws Express's error for a larger
 * body.
 */
export async function readBody(request: Request, response: Response): Promise<Buffer | undefined> {
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  return Buffer.isBuffer(request.body) ? request.body : undefined;
}
