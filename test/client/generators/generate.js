// Generates a client with each generator from the contract of a running server, and compiles them all, with the clients of
// the scenario, as one program under --strict; then clients in the given languages with OpenAPI Generator, and compiles the
// Java one. Started by generators.test.ts: inside of Jest, the generators would load slowly.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from '@hey-api/openapi-ts';
import { generateSource } from 'oazapfts';
import openapiTS, { astToString } from 'openapi-typescript';
import { generate as orval } from 'orval';
import { generateApi } from 'swagger-typescript-api';
import ts from 'typescript';

const [, , serverUrl, ...languages] = process.argv;
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

const run = promisify(execFile);
/** Starts fast, and leaves a processor to the other generators. */
const JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
/** Programs of OpenAPI Generator, and what the Java client imports. */
const jar = fileURLToPath(import.meta.resolve('@openapitools/openapi-generator-cli/bin/openapi-generator.jar'));

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
writeFileSync(documents['3.1'], await download('/openapi.json'));
writeFileSync(documents['3.0'], await download('/openapi-3.0.json'));
const others = languages.length > 0 ? generateWithJava() : undefined;
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
await others;

/** One run for all languages. Nothing is generated that the client does not need, such as its documentation. */
async function generateWithJava() {
  const without = { apiDocs: 'false', modelDocs: 'false', apiTests: 'false', modelTests: 'false' };
  const configurations = languages.map((language) => {
    const file = `${folder}${language}.json`;
    const java = { library: 'native', additionalProperties: { openApiNullable: 'false' } };
    const output = { inputSpec: documents['3.0'], outputDir: `${folder}${language}`, globalProperties: without };
    writeFileSync(file, JSON.stringify({ generatorName: language, ...output, ...(language === 'java' && java) }));
    return file;
  });
  await run('java', [
    ...JVM,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-jar',
    jar,
    'batch',
    ...configurations,
  ]);
  if (!languages.includes('java')) return;
  const sources = readdirSync(`${folder}java/src/main`, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.java'))
    .map(({ parentPath, name }) => join(parentPath, name));
  const client = fileURLToPath(new URL('clients/LinksClient.java', import.meta.url));
  const options = [...JVM.map((option) => `-J${option}`), '-proc:none', '-cp', jar, '-d', `${folder}java/classes`];
  await run('javac', [...options, client, ...sources]);
}

async function download(path) {
  const response = await fetch(`${serverUrl}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.text();
}
