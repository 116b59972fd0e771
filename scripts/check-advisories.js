// `npm run check:advisories` asks the registry whether a production dependency has a known vulnerability that is high or
// critical. Without a network, or with a registry that does not support this, it is skipped with a message.
import { spawnSync } from 'node:child_process';

const SEVERE = ['high', 'critical'];
const TIMEOUT_MS = 60_000;

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: TIMEOUT_MS });
const report = parsed(stdout ?? '');
if (report?.vulnerabilities === undefined) {
  process.stdout.write(`Skipped: ${report?.message ?? report?.error?.summary ?? 'the registry does not respond'}\n`);
} else {
  const severe = Object.values(report.vulnerabilities).filter(({ severity }) => SEVERE.includes(severity));
  for (const { name, severity, range } of severe) process.stdout.write(`${name} ${range}: ${severity}\n`);
  process.exitCode = severe.length === 0 ? 0 : 1;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
