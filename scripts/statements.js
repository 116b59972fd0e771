// `npm run statements` writes db/statements.sql: every named statement as it is sent to PostgreSQL, ready for psql.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const FILE = new URL('../db/statements.sql', import.meta.url);
const HEADER = `-- Every named statement as it is sent to PostgreSQL. \`npm run statements\` writes this file and a test compares it. To tune
-- one, load the file into psql and \`explain (analyze, buffers) execute\` the statement, with the settings that
-- src/database/open-database.ts gives each connection.
`;

/** The statements that the modules of a folder declare, by name. The folder is src/, or dist/ after a build. */
export async function statementsSql(folder) {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => /(?<!\.d)\.[jt]s$/.test(name)).sort()) {
    const source = await readFile(new URL(file, folder), 'utf8');
    if (/from ['"].*\/statement\.[jt]s['"]/.test(source)) await import(new URL(file, folder).href);
  }
  const extension = files.some((name) => name.endsWith('.ts')) ? 'ts' : 'js';
  const { declaredStatements } = await import(new URL(`database/statement.${extension}`, folder).href);
  const statements = [...declaredStatements().values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return [HEADER, ...statements.map(statementSql)].join('\n');
}

function statementSql({ name, keys, text }) {
  const parameters = keys.map((key, index) => `$${index + 1} ${key}`).join(', ');
  return `${parameters === '' ? '' : `-- ${parameters}\n`}prepare ${name} as\n${dedented(text)};\n`;
}

/** Without the indentation that all lines but the first have in common: the first may follow a backtick. */
function dedented(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const indented = lines.slice(text.startsWith('\n') ? 0 : 1);
  const common = Math.min(...indented.map((line) => line.search(/\S/)));
  return lines.map((line) => (indented.includes(line) ? line.slice(common) : line).trimEnd()).join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { build } = await import('./build.js');
  if (build()) await writeFile(FILE, await statementsSql(new URL('../dist/', import.meta.url)));
  else process.exitCode = 1;
}
