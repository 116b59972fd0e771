/**
 * The folder of the package, with the files that are not code. The only relative path to it: it is the same from a folder of
 * src or dist and from dist/bundle, but not from a file directly in src.
 */
export const PACKAGE_ROOT = new URL('../../', import.meta.url);
