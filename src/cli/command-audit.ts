import type { Command } from 'commander';
import { Audit, thisProcess } from '../audit.ts';
import { readConfig } from '../config.ts';
import type { Act, Outcome } from '../http/administrative-acts.ts';
import { createCommandAuditLog } from '../log.ts';

/** Commands that change nothing and show nothing secret; the server records the acts of its clients itself. */
const READING = new Set(['serve', 'worker', 'list', 'links', 'completion']);

/** Records the command that runs, if it is an administrative act and AUDIT_LOG is set. */
export class CommandAudit {
  readonly #environment: NodeJS.ProcessEnv;
  #end: (outcome: Outcome) => void = () => undefined;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** Writes the first entry. Throws a StartError if that fails, before the command does anything. */
  start(command: Command): void {
    const options = command.opts<Record<string, unknown>>();
    if (READING.has(command.name()) || (command.name() === 'check' && !options['repair'])) return;
    const log = createCommandAuditLog(readConfig(this.#environment).auditLog);
    if (log === undefined) return;
    const values = command.registeredArguments.map((argument, place) => [
      camelCase(argument.name()),
      command.args[place],
    ]);
    const act: Act = { via: 'command', action: nameOf(command), given: { ...options, ...Object.fromEntries(values) } };
    const audit = new Audit(log);
    const record = (outcome: Outcome) => {
      audit.record(act, outcome, thisProcess());
    };
    record('started');
    this.#end = record;
  }

  end(outcome: Outcome): void {
    this.#end(outcome);
  }
}

/** `user set-role` */
function nameOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
