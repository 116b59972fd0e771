import { raw } from 'express';

/** Reads a request body of up to 1 MiB into a Buffer, whatever its Content-Type. Both APIs decode it themselves. */
export const readBody = raw({ type: () => true, limit: 1_048_576 });
