// `npm run drill -- failover`, `-- replicas` and `-- servers`.
const DRILLS = ['failover', 'replicas', 'servers'];

const [name] = process.argv.splice(2, 1);
if (DRILLS.includes(name)) {
  await import(`./${name}.js`);
} else {
  process.stderr.write(`Usage: npm run drill -- ${DRILLS.join(' | ')} [--quick] [--json] [--seed N]\n`);
  process.exitCode = 2;
}
