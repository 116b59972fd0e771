// `npm run drill -- failover` and `npm run drill -- replicas`.
const DRILLS = ['failover', 'replicas'];

const [name] = process.argv.splice(2, 1);
if (DRILLS.includes(name)) {
  await import(`./${name}.js`);
} else {
  process.stderr.write(`Usage: npm run drill -- ${DRILLS.join(' | ')} [--quick] [--json] [--seed N]\n`);
  process.exitCode = 2;
}
