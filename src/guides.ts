import { access, readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import { CONTRACT_FILES } from './contract/contract-files.ts';
import { refuseMethod } from './http/refuse-method.ts';
import { PACKAGE_ROOT } from './package/package-root.ts';

const ROOT = fileURLToPath(PACKAGE_ROOT);
const LLMS_TXT = 'llms.txt';
/** A relative link of Markdown: its text, its path and its fragment. */
const RELATIVE_LINK = /\[([^\][]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)/g;
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.md': 'text/markdown',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/**
 * Serves `llms.txt`, the guides that it lists, and what these link to, as far as the package has it; without credentials.
 * The files are found when one is first requested. Of the links in Markdown, those to files that are not served become text.
 */
export function guidesRouter(): Router {
  const router = Router();
  let found: Promise<ReadonlySet<string>> | undefined;
  const guideFiles = () => {
    found ??= findGuides().catch((error: unknown) => {
      // The next request tries again.
      found = undefined;
      throw error;
    });
    return found;
  };

  const passOthers: RequestHandler = async (request, _response, next) => {
    next((await guideFiles()).has(fileOf(request)) ? undefined : 'route');
  };
  const sendGuide: RequestHandler = async (request, response) => {
    response.operation = 'docs';
    const file = fileOf(request);
    const text = await readFile(`${ROOT}${file}`, 'utf8');
    const served = new Set<string>([...(await guideFiles()), ...CONTRACT_FILES]);
    const unlink = (link: string, label: string, path: string) => (served.has(linkedFile(file, path)) ? link : label);
    const isMarkdown = file.endsWith('.md');
    response.type(MEDIA_TYPES[posix.extname(file)] ?? 'text/plain');
    response.send(isMarkdown ? text.replaceAll(RELATIVE_LINK, unlink) : text);
  };
  router
    .route('/*file')
    .all(passOthers)
    .get(sendGuide)
    .all(refuseMethod([{ method: 'get' }]));
  return router;
}

function fileOf({ path }: { readonly path: string }): string {
  return path.slice(1);
}

async function findGuides(): Promise<ReadonlySet<string>> {
  const guides = await linksOf(LLMS_TXT);
  const linked = new Set((await Promise.all(guides.map(linksOf))).flat());
  const files = new Set([LLMS_TXT, ...guides]);
  for (const file of linked) if (await isInPackage(file)) files.add(file);
  return files;
}

async function linksOf(file: string): Promise<string[]> {
  const links = (await readFile(`${ROOT}${file}`, 'utf8')).matchAll(RELATIVE_LINK);
  return [...links].map(([, , path = '']) => linkedFile(file, path));
}

function linkedFile(file: string, path: string): string {
  return posix.join(posix.dirname(file), path);
}

/** Guides also link to files of the repository that the package lacks. */
async function isInPackage(file: string): Promise<boolean> {
  return await access(`${ROOT}${file}`).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
}
