// Generates a client with each generator from the contract of a running server, and compiles them all, with the clients of
// the scenario, as one program under --strict. Started by generators.test.ts: inside of Jest, the generators would load slowly.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient } from '@hey-api/openapi-ts';
import { generateSource } from 'oazapfts';
import openapiTS, { astToString } from 'openapi-typescript';
import { generate as orval } from 'orval';
import { generateApi } from 'swagger-typescript-api';
import ts from 'typescript';

const [, , serverUrl] = process.argv;
const folder = fileURLToPath(new URL('generated/', import.meta.url));
const documents = {
  3.1: `${folder}openapi.json`,
  '3.0': `${folder}openapi-3.0.json`,
};

/** Each reads the file of a document and writes its sources. */
const GENERATORS = {
  'openapi-typescript': async () => {
    for (const [version, file] of Object.entries(documents)) {
      const name = version === '3.1' ? 'openapi-typescript' : 'openapi-typescript-3.0';
      writeFileSync(`${folder}${name}.ts`, astToString(await openapiTS(new URL(`file://${file}`))));
    }
  },
  'hey-api': async () => {
    await createClient({
      input: documents['3.1'],
      output: { path: `${folder}hey-api`, clean: false, importFileExtension: '.ts' },
      plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
      logs: { level: 'error', file: false },
    });
  },
  orval: async () => {
    await orval({
      input: { target: documents['3.1'] },
      output: { target: `${folder}orval.ts`, client: 'fetch', mode: 'single', baseUrl: `${serverUrl}/v2` },
    });
  },
  'swagger-typescript-api': async () => {
    await generateApi({ input: documents['3.1'], output: folder, fileName: 'swagger-typescript-api.ts', silent: true });
  },
  oazapfts: async () => {
    writeFileSync(`${folder}oazapfts.ts`, await generateSource(documents['3.1']));
  },
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
writeFileSync(documents['3.1'], await download('/openapi.json'));
writeFileSync(documents['3.0'], await download('/openapi-3.0.json'));
for (const [name, generate] of Object.entries(GENERATORS)) {
  const started = performance.now();
  await generate();
  process.stdout.write(`${name}: ${Math.round(performance.now() - started)} ms\n`);
}

const program = ts.createProgram(
  [
    ...Object.keys(GENERATORS).map((name) => fileURLToPath(new URL(`clients/${name}.ts`, import.meta.url))),
    `${folder}openapi-typescript-3.0.ts`,
  ],
  {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
  },
);
const problems = ts.getPreEmitDiagnostics(program);
const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' };
process.stdout.write(ts.formatDiagnostics(problems, host));
process.exitCode = problems.length === 0 ? 0 : 1;

async function download(path) {
  const response = await fetch(`${serverUrl}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.text();
}
