import { open, rename, rm, stat } from 'node:fs/promises';
import { StartError } from '../errors.ts';
import { writeOut } from './command.ts';

/** The name of standard input or output. */
export const STANDARD_STREAM = '-';

/**
 * Passes `work` a function that writes to the file, or to standard output. A file appears under its name once it is complete,
 * and only its owner can read it. Throws a StartError if it cannot be written.
 */
export async function withOutput<Result>(
  name: string,
  work: (write: (content: string | Uint8Array) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  if (name === STANDARD_STREAM) return await work(writeOut);
  const unfinished = `${name}.${process.pid}.unfinished`;
  const file = await orStartError(name, open(unfinished, 'wx', 0o600));
  try {
    const result = await work((content) => orStartError(name, file.writeFile(content)));
    await orStartError(name, file.sync());
    await orStartError(name, rename(unfinished, name));
    return result;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** The size of an input file in bytes. Throws a StartError if it cannot be read. */
export async function sizeOf(name: string): Promise<number> {
  return (await orStartError(name, stat(name))).size;
}

/** An error of the file system is the operator's to solve. */
async function orStartError<Result>(name: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new StartError(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
